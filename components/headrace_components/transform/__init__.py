"""Applies a preprocessing_fn to the examples and stores it as a graph."""
