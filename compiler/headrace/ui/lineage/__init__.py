"""The way from raw data to an artifact, and what was made of it."""
