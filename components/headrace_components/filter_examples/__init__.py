"""Keeps the rows of examples that a function of the user wants."""
