"""Finds the newest model that an evaluator blessed."""
