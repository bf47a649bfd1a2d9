"""Reads values that conditions and parameters of a pipeline need."""
