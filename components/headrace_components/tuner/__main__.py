"""Entry point of the tuner image."""

import sys

from headrace_components.task import main
from headrace_components.tuner.executor import execute

if __name__ == "__main__":
    sys.exit(main("tuner", execute))
