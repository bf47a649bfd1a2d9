"""Entry point of the avro_example_gen image."""

import sys

from headrace_components.avro_example_gen.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("avro_example_gen", execute))
