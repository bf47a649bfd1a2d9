"""Shared by the components that make examples."""
