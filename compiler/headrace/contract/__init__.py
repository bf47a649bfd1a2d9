"""The interface of a target and of its service, for the compiler and the commands."""
