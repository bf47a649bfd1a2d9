"""A nursery between two runs of one process: it has done the imports that the next run needs."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from headrace.targets.local.runners.nursery_client import Nursery


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """A nursery that waits.

    Attributes:
        nursery: The nursery.
        loop: The loop that it belongs to.
    """

    nursery: Nursery
    loop: asyncio.AbstractEventLoop


_kept: list[_Kept] = []
_closing: set[asyncio.Task[None]] = set()


def take(log: Path) -> Nursery:
    """Returns the nursery that was kept, if its tasks would not notice; else a new one.

    Args:
        log: Where a new process writes its own output.
    """
    found = _kept.pop() if _kept else None
    if found is not None and found.loop is asyncio.get_running_loop():
        if found.nursery.inherited == _inherited():
            found.nursery.log_at(log)
            return found.nursery
        task = found.loop.create_task(found.nursery.close())
        _closing.add(task)
        task.add_done_callback(_closing.discard)
    return Nursery(log, inherited=_inherited())


def give_back(nursery: Nursery) -> bool:
    """Keeps a nursery that has no task; returns whether it does."""
    if _kept or not nursery.is_idle:
        return False
    _kept.append(_Kept(nursery=nursery, loop=asyncio.get_running_loop()))
    return True


def _inherited() -> tuple[str, dict[str, str]]:
    """Returns what tasks inherit of this process: the directory and the environment."""
    return str(Path.cwd()), dict(os.environ)
