"""Runs components on Apache Beam, for data that does not fit on one machine."""
