"""Starts the process of a task: forked from a warm worker, or new."""
