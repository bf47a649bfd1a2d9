"""Entry point of the filter_examples image."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("filter_examples"))
