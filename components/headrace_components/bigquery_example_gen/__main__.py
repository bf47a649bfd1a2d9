"""Entry point of the bigquery_example_gen image."""

import sys

from headrace_components.bigquery_example_gen.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("bigquery_example_gen", execute))
