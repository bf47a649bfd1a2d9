"""A target in the form that its author adds it: this folder, and a line of the registry."""
