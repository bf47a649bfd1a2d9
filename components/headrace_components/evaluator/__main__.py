"""Entry point of the evaluator image."""

import sys

from headrace_components.evaluator.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("evaluator", execute))
