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
    except Exception:  # a bug; Python itself would print it and then end as below
        traceback.print_exc()
        return 1


def _leave(code: int) -> None:
    """Ends the process, at once where other machines train too.

    TensorFlow's own end waits there, without a limit, for a machine that may have failed.
    """
    try:
        is_alone = read_cluster() is None
    except PlatformError:  # `main` has said so
        is_alone = True
    if is_alone:
        sys.exit(code)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(run())
