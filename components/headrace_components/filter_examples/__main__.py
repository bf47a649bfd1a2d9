"""Entry point of the filter_examples image."""

import sys

from headrace_components.filter_examples.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("filter_examples", execute))
