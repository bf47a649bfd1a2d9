"""Entry point of the example_validator image."""

import sys

from headrace_components.example_validator.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("example_validator", execute))
