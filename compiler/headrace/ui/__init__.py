"""The local web page over runs: `headrace ui`."""
