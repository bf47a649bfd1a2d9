"""Copies a blessed model to a directory that a server watches."""
