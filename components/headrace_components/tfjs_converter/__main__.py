"""Entry point of the tfjs_converter image."""

import sys

from headrace_components.task import main
from headrace_components.tfjs_converter.executor import execute

if __name__ == "__main__":
    sys.exit(main("tfjs_converter", execute))
