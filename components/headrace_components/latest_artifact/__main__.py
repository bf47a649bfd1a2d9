"""Entry point of the latest_artifact image."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("latest_artifact"))
