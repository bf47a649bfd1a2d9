"""Entry point of the latest_artifact image."""

import sys

from headrace_components.latest_artifact.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("latest_artifact", execute))
