"""A target as its author adds it: this folder, and a line of the registry."""
