"""Finds the newest artifact of earlier runs, as an output of a task."""
