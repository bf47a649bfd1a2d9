"""The names of TFX that module files import, for machines without TFX."""
