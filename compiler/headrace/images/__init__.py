"""The images that components run in: what is in each, how they are locked, built and pushed."""
