"""What TFX shows in notebooks: tables of its objects, and visualizations of artifacts."""
