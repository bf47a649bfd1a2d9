"""Finds and compares the results of earlier runs of a pipeline."""
