"""Logs runs to MLflow, for comparison."""
