"""The ML Metadata store of local runs, also one that TFX wrote."""
