"""Entry point of the bulk_inferrer image."""

import sys

from headrace_components.bulk_inferrer.executor import execute
from headrace_components.task import main

if __name__ == "__main__":
    sys.exit(main("bulk_inferrer", execute))
