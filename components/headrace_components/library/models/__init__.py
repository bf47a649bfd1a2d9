"""Reads models, for all components: signatures, predictions and blessings."""
