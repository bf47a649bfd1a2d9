"""Imports files of serialized examples and splits them."""
