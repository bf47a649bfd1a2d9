"""TFX's functions for files, messages and JSON."""
