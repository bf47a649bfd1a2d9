"""Entry point of the kubernetes_pusher image."""

import sys

from headrace_components.kubernetes_pusher.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("kubernetes_pusher", execute))
