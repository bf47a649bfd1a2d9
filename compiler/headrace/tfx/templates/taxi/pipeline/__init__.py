"""The pipeline and its settings."""
