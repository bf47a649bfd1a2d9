"""Rows, statistics and schemas on disk and in memory, shared by the components."""
