"""Entry point of the infra_validator image."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("infra_validator"))
