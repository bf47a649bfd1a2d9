"""Entry point of the trainer image."""

import sys

from headrace_components.task import main
from headrace_components.trainer.executor import execute

if __name__ == "__main__":
    sys.exit(main("trainer", execute))
