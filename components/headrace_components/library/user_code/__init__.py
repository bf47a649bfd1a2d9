"""Loads and calls the code of pipeline authors, and makes its arguments."""
