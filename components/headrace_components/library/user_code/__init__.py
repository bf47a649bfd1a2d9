"""What a pipeline's author writes - module files - and what it is called with."""
