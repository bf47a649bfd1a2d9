"""Infers a schema from statistics."""
