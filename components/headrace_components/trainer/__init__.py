"""Trains a model by calling run_fn."""
