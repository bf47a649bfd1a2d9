"""Compares the distributions of two data sets."""
