"""The code of pipeline authors, in module files, and its arguments."""
