"""Loads a model into a real server and sends it requests, before the model is pushed."""
