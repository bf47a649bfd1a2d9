"""What the task of an author's own component needs."""
