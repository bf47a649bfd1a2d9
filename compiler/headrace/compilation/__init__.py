"""From the intermediate form to what a target takes: the passes, and their order."""
