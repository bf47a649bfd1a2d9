"""Entry point of the vertex_pusher image."""

import sys

from headrace_components.task import main
from headrace_components.vertex_pusher.executor import execute

if __name__ == "__main__":
    sys.exit(main("vertex_pusher", execute))
