"""Converts a SavedModel to TF Lite, and blesses it where it answers as the SavedModel does."""
