"""Entry point of the statistics_gen image."""

import sys

from headrace_components.statistics_gen.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("statistics_gen", execute))
