"""TFX's artifact classes: their types, properties and values."""
