"""The contract between a component and a backend. Standard library only."""
