"""Entry point of the span_range image."""

import sys

from headrace_components.span_range.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("span_range", execute))
