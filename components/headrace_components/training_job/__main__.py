"""Entry point of the container that stands for a task of several machines."""

import sys

from headrace_components.training_job.executor import main

if __name__ == "__main__":
    sys.exit(main())
