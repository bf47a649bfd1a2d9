"""What an artifact on disk holds, as plain data for a page: read in a process of its own."""
