"""What a compiled pipeline becomes: a document for a service, or a run on this machine."""
