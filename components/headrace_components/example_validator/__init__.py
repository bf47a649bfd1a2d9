"""Compares statistics with a schema."""
