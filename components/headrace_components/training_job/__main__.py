"""Entry point of the container that runs a task on several machines."""

import sys

from headrace_components.training_job.executor import main

if __name__ == "__main__":
    sys.exit(main())
