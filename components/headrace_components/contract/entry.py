"""The entry of every component: `python -m headrace_components.<name>`."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component(str(__package__).rpartition(".")[2]))
