"""The commands of `headrace`, one module each, imported when it is called."""
