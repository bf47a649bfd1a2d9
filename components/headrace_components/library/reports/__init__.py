"""Builds the reports that people look at: one HTML file each, without scripts or network."""
