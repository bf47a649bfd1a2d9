"""Shows runs, verdicts and lineage to people."""
