"""Reads Parquet files into examples and splits them."""
