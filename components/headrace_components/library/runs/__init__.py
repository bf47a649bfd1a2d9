"""Finds and compares what earlier runs of a pipeline left."""
