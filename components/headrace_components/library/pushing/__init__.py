"""Shared by the components that push a model: which model may be pushed, and where files go."""
