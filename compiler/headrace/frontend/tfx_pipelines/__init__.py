"""From a TFX pipeline to the text of a kfp pipeline file, and from there on as any other."""
