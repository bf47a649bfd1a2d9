"""Builds the reports: one HTML file each, without scripts or network."""
