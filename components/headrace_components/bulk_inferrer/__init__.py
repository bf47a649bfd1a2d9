"""Predicts every row of some examples with a model."""
