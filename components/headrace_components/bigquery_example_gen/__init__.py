"""Reads the rows of a BigQuery query into examples and splits them."""
