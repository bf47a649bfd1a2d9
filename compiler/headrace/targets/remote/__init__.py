"""What the command line asks of a service that runs pipelines, whichever it is."""
