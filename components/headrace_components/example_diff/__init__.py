"""Compares the rows of two data sets that are known to be the same."""
