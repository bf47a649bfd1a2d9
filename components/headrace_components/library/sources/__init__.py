"""What the components that make examples have in common."""
