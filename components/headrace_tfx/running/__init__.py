"""Runners, notebooks, and the metadata of what has run."""
