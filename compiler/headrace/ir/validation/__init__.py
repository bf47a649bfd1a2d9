"""Compiled pipelines from outside: read within limits and checked before they run."""
