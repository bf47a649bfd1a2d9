"""The requests of the command line to any service that runs pipelines."""
