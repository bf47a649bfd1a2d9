"""Measures Headrace, and TFX beside it: `python -m bench --help`."""
