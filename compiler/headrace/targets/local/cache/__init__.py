"""Answers tasks from earlier runs."""
