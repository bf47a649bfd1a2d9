"""Loads a model into a real server and asks it, before the model is pushed."""
