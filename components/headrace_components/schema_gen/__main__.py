"""Entry point of the schema_gen image."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("schema_gen"))
