"""Entry point of the latest_blessed_model image."""

import sys

from headrace_components.latest_blessed_model.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("latest_blessed_model", execute))
