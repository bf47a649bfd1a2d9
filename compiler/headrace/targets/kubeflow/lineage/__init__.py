"""Lineage of runs on Kubeflow Pipelines, from either of its interfaces."""
