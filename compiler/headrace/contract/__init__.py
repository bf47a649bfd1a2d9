"""What the compiler and the commands ask of a target and of the service behind it."""
