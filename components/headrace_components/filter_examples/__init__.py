"""Keeps the rows of examples that the user's function chooses."""
