"""Runs a compiled pipeline on this machine: an interpreter over the IR, workers, cache, lineage."""
