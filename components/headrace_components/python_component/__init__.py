"""Runs a function or a class of the author's as a component."""
