"""Rewrites that only Kubeflow needs, one a file."""
