"""Uploads a blessed model to Vertex AI and deploys it to an endpoint."""
