"""The names of TFX that module files import, where TFX itself is not installed."""
