"""What the components that push a model share: what may be pushed, and where files go."""
