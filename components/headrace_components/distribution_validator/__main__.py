"""Entry point of the distribution_validator image."""

import sys

from headrace_components.distribution_validator.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("distribution_validator", execute))
