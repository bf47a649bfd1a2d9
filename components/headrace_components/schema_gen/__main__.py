"""Entry point of the schema_gen image."""

import sys

from headrace_components.schema_gen.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("schema_gen", execute))
