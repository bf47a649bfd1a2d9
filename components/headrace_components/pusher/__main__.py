"""Entry point of the pusher image."""

import sys

from headrace_components.pusher.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("pusher", execute))
