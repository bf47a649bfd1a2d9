"""Joins the examples of several spans, made by several runs of a pipeline."""
