"""Compiled pipelines as they come from outside: read within bounds and checked before they run."""
