"""Code of the components that make examples."""
