"""Compares the rows of two data sets that have the same identifiers."""
