"""Passes on what a task says while it runs: lines of its log, notices, and how far it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from headrace_components.contract import progress
from headrace_components.contract.notices import notices_in
from headrace_components.contract.progress import Progress

_LOOK_SECONDS = 1.0


class Listener(Protocol):
    """Gets what a task says."""

    def said(self, line: str) -> None:
        """A line of its log."""

    def noticed(self, notice: str) -> None:
        """A notice, without the name of the component."""

    def progressed(self, progress: Progress) -> None:
        """How far it is, if that has changed."""


class TaskNotices:
    """What one attempt of a task says.

    Args:
        log: The file that the attempt adds its output to.
        component: Name of its component, which its notices begin with; None for a component that
            does not belong to Headrace, whose lines are not read as notices.
        progress: The file that has its progress, if it reports any.
        listener: Is told each line and notice once.
    """

    def __init__(
        self, log: Path, component: str | None, progress: Path, listener: Listener
    ) -> None:
        self._log = log
        self._component = component
        self._progress = progress
        self._listener = listener
        self._read = log.stat().st_size
        self._shown: Progress | None = None

    @contextlib.asynccontextmanager
    async def passed_on(self) -> AsyncIterator[None]:
        """Listens while this is entered, and passes on what remains at its end."""
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            following.cancel()
            with contextlib.suppress(OSError):
                self._look(is_over=True)
            with contextlib.suppress(OSError):
                self._progress.unlink(missing_ok=True)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(OSError):  # such as of a disk that answers again later
                self._look()
            self._look_at_progress()

    def _look(self, *, is_over: bool = False) -> None:
        with self._log.open("rb") as stream:
            stream.seek(self._read)
            for line in stream:
                if not line.endswith(b"\n") and not is_over:
                    return  # its end is still to come
                self._read += len(line)
                text = line.decode("utf-8", "replace")
                # A bar of progress overwrites its line again and again.
                self._listener.said(text.rstrip("\r\n").rpartition("\r")[2])
                if self._component is not None and line.endswith(b"\n"):
                    for notice in notices_in([text], self._component):
                        self._listener.noticed(notice)

    def _look_at_progress(self) -> None:
        found = progress.read(self._progress)
        if found is not None and found != self._shown:
            self._shown = found
            self._listener.progressed(found)
