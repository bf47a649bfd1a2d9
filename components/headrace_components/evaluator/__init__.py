"""Computes metrics per slice and blesses a model that passes."""
