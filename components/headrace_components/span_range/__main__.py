"""Entry point of the span_range image."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("span_range"))
