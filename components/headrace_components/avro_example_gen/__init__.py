"""Reads Avro files into examples and splits them."""
