"""Puts a schema that a person curated into a pipeline."""
