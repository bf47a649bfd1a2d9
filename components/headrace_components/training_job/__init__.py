"""Runs a task of Kubeflow on several machines: a JobSet of its container, watched to its end."""
