"""Finds the part of a module that a task uses."""
