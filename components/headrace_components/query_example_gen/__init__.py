"""Reads the rows of an SQL query into examples and splits them."""
