"""The targets: each turns a compiled pipeline into a document for a service, or a run here."""
