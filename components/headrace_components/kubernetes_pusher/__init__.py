"""Deploys a blessed model to a server on Kubernetes, and waits until it is served."""
