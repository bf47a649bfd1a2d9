"""Computes statistics of every feature of every split."""
