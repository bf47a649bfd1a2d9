"""Entry point of the transform image."""

import sys

from headrace_components.task import main
from headrace_components.transform.executor import execute

if __name__ == "__main__":
    sys.exit(main("transform", execute))
