"""Rows, statistics and schemas on disk and in memory: what the components share."""
