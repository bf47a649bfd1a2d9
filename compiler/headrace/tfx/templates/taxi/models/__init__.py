"""What Transform and Trainer run."""
