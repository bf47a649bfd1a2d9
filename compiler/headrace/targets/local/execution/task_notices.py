"""Passes on the notices of a task while it runs, out of the log that it writes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from headrace_components.contract.notices import notices_in

_LOOK_SECONDS = 1.0


class TaskNotices:
    """The notices of one attempt of a task.

    Args:
        log: The file that the attempt adds its output to.
        component: Name of its component, which its notices begin with.
        notify: Is called with each notice, once.
    """

    def __init__(self, log: Path, component: str, notify: Callable[[str], None]) -> None:
        self._log = log
        self._component = component
        self._notify = notify
        self._read = log.stat().st_size

    @contextlib.asynccontextmanager
    async def passed_on(self) -> AsyncIterator[None]:
        """Shows notices while this is entered, and the remaining ones at its end."""
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            following.cancel()
            with contextlib.suppress(OSError):
                self._look()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(OSError):  # such as of a disk that answers again later
                self._look()

    def _look(self) -> None:
        with self._log.open("rb") as stream:
            stream.seek(self._read)
            for line in stream:
                if not line.endswith(b"\n"):
                    return  # its end is still to come
                self._read += len(line)
                for notice in notices_in([line.decode("utf-8", "replace")], self._component):
                    self._notify(notice)
