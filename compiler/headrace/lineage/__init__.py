"""Lineage: its records, the names of its types, and the ML Metadata store of local runs."""
