"""Entry point of the example_diff image."""

import sys

from headrace_components.example_diff.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("example_diff", execute))
