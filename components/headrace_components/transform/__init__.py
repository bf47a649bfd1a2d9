"""Applies a preprocessing_fn to the examples and keeps it as a graph."""
