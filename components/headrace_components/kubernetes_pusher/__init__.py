"""Lets a server on Kubernetes serve a blessed model, and watches until it does."""
