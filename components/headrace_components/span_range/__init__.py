"""Joins the examples that runs of a pipeline made of several spans."""
