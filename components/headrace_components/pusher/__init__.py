"""Copies a blessed model to where a server watches."""
