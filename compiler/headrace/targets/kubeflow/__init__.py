"""Kubeflow Pipelines on any Kubernetes."""
