"""Types for editors and type checkers. There is no such package at runtime."""
