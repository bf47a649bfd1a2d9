"""Compiler passes: each takes a pipeline as plain data and returns a new one."""
