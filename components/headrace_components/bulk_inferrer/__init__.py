"""Has a model predict every row of some examples."""
