"""Entry point of the parquet_example_gen image."""

import sys

from headrace_components.contract.task import run_component

if __name__ == "__main__":
    sys.exit(run_component("parquet_example_gen"))
