"""TFX's own components: classes that record their arguments and run nothing."""
