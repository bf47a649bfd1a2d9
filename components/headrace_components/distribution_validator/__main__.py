"""Entry point of the distribution_validator image."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("distribution_validator"))
