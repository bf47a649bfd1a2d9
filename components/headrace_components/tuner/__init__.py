"""Searches for the best hyperparameters with KerasTuner."""
