"""The contents of `headrace.toml`: one file per table, read into frozen classes with checks."""
