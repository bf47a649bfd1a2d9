"""Shared by the parts of the local target: results, rules, options, observers."""
