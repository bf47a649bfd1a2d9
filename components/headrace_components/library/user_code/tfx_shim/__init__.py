"""Provides the names of TFX that module files import, on machines without TFX."""
