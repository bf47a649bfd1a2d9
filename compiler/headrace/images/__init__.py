"""The images of components: their contents, and how they are locked, built and pushed."""
