"""Runs a Kubeflow task on several machines, as a JobSet of its container."""
