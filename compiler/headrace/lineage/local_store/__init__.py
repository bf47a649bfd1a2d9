"""The ML Metadata store of local runs, one that TFX wrote included."""
