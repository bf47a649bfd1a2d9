"""The components of a Headrace pipeline: one folder each, and the few modules they share."""
