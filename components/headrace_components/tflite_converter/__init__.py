"""Converts a SavedModel to TF Lite, and blesses it if its answers agree with the SavedModel's."""
