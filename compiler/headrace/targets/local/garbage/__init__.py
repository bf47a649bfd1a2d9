"""What takes space on this machine and is no longer needed: `headrace gc`."""
