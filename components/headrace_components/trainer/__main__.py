"""Entry point of the trainer image."""

import logging
import os
import sys
import traceback

from headrace_components.contract.errors import PlatformError
from headrace_components.contract.machines import read_cluster
from headrace_components.contract.task import run_component


def run() -> int:
    """Runs the task and returns the exit code."""
    try:
        return run_component("trainer")
    except Exception:  # a bug; Python itself would print it too
        traceback.print_exc()
        return 1


def _leave(code: int) -> None:
    """Ends the process; with other machines it ends at once.

    TensorFlow's normal exit waits for the other machines without a limit, and one may have failed.
    """
    try:
        is_alone = read_cluster() is None
    except PlatformError:  # `main` has reported it
        is_alone = True
    if is_alone:
        sys.exit(code)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(run())
