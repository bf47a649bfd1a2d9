"""Converts a SavedModel into a model of TensorFlow.js."""
