"""Entry point of the container that runs before one that reads files."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("input_fingerprint"))
