"""How a task's process comes to be: forked from a warm worker, or started fresh."""
