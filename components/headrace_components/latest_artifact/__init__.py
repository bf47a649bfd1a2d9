"""Finds the newest artifact that earlier runs left as an output of a task."""
