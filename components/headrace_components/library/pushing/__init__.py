"""Code of the components that push a model: which model may be pushed, and to which directory."""
