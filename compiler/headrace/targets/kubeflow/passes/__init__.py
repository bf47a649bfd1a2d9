"""Rewrites that only Kubeflow needs, one per file."""
