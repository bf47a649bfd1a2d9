"""Reads CSV files into examples and splits them."""
