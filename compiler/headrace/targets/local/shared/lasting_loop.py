"""An event loop that lasts: for runs that a notebook starts, whose own loop is busy."""

import asyncio
import atexit
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_END_SECONDS = 5.0

# By process: a forked one has the object, but not the thread.
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def run_in_thread(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine to its end, in a loop of another thread, which stays for the next one.

    Ctrl-C reaches the calling thread alone, and is passed on: it cancels the coroutine.
    """
    outcome = Future[T]()
    tasks: list[asyncio.Task[None]] = []
    loop = _running_loop()

    async def carried() -> None:
        try:
            outcome.set_result(await main())
        except BaseException as error:  # carried over to the caller's thread
            outcome.set_exception(error)

    loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(carried())))
    while not outcome.done():
        with contextlib.suppress(KeyboardInterrupt):
            outcome.exception()
            break
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
    return outcome.result()


def _running_loop() -> asyncio.AbstractEventLoop:
    process = os.getpid()
    if process not in _loops:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="headrace runs", daemon=True).start()
        atexit.register(_end, loop)
        _loops[process] = loop
    return _loops[process]


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancels what still waits in a loop: Python would complain about it at its end."""

    async def cancelled() -> None:
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    with contextlib.suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(cancelled(), loop).result(_END_SECONDS)
