"""Walks a compiled pipeline and runs its tasks."""
