"""The pages of runs and their tasks."""
