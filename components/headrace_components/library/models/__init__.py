"""Models as components read them: signatures, predictions and blessings."""
