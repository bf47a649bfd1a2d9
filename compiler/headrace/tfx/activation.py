"""Makes `tfx` importable in this process, with runners that use Headrace."""

import os
import sys
from pathlib import Path

from headrace.tfx.host import HeadraceHost
from headrace.tfx.notebooks import NotebookBackend
from headrace_components.contract.task import LIBRARY_SETTINGS
from headrace_tfx import finder
from headrace_tfx.notebooks import backend
from headrace_tfx.running import host

_HOST = HeadraceHost()


def activate(folder: Path | None = None) -> None:
    """Makes `tfx` importable, and gives its runners what runs and compiles pipelines.

    Doing it again changes nothing.

    Args:
        folder: The directory of the author's files, if there are any.
    """
    _set_libraries()
    finder.activate(folder)
    if not host.is_installed(_HOST):
        host.install(_HOST)
    backend.install(NotebookBackend())


def _set_libraries() -> None:
    """Gives this process the `tf.keras` of tasks, so that it can load what they saved."""
    if "tensorflow" in sys.modules:
        return  # it may have read its variables
    for name, value in LIBRARY_SETTINGS.items():
        os.environ.setdefault(name, value)
