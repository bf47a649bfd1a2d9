"""What `headrace.toml` says: one file a table, read into frozen classes that check themselves."""
