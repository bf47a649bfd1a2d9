"""Entry point of the infra_validator image."""

import sys

from headrace_components.infra_validator.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("infra_validator", execute))
