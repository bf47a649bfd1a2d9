"""Makes `tfx` importable in this process, with runners that use Headrace."""

from pathlib import Path

from headrace.tfx.host import HeadraceHost
from headrace.tfx.notebooks import NotebookBackend
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
    finder.activate(folder)
    if not host.is_installed(_HOST):
        host.install(_HOST)
    backend.install(NotebookBackend())
