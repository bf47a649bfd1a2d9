"""From the intermediate form to the document of a target: the passes, and their order."""
