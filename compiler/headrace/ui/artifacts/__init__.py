"""Pages about artifacts: what they hold, who made them, who used them."""
