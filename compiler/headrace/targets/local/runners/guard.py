"""Watches over the process of one task, and ends with it whatever the task started.

A guard is the parent of its task. On Linux it also adopts all processes that the task leaves
behind, even one that began a new session. So everything that a task started is below its guard, and
the guard ends when nothing of it is left, however the task ended. It ends the task when it gets
SIGTERM; the kernel also sends this signal when the guard's own parent dies.

Standard library only.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# A task with a job elsewhere needs this time to end it. Then the processes that it started get a
# signal to end, too.
TASK_SECONDS = 24.0
# When the task has ended, how long the rest may take between SIGTERM and SIGKILL.
REST_SECONDS = 5.0
# A process that does not end by SIGKILL hangs in the kernel: it is useless to wait for it.
KILL_SECONDS = 5.0
GRACE_SECONDS = TASK_SECONDS + REST_SECONDS + KILL_SECONDS
"""The maximum time from SIGTERM to a guard until nothing is left below it."""

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM)
_POLL_SECONDS = 0.05
_IDLE_SECONDS = 3600.0


def start(task: Callable[[], NoReturn], *, confine: bool) -> tuple[int, int]:
    """Starts a guard and below it the task. SIGCHLD must be blocked, so that no end is missed.

    Args:
        task: The work of the task's process. Signals have their usual effects there.
        confine: Whether processes that the task started are ended with it. Otherwise only the task
            is watched, and is killed without notice: this is used for the client of a container
            engine, which starts programs that other clients use.

    Returns:
        The guard's process ID, and a descriptor from which `status_of` reads when it has ended.
    """
    parent = os.getpid()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            code = _Guard(task, confine=confine, report=writing).watch(parent)
        finally:
            os._exit(code)
    os.close(writing)
    return child, reading


def status_of(report: int) -> int | None:
    """Returns a task's exit status, negative after a signal; None if its guard was killed."""
    with os.fdopen(report) as file:
        text = file.read()
    return int(text) if text.endswith("\n") else None


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Has the kernel send this process a signal when its parent ends, however that ends.

    Only possible on Linux; elsewhere the closed socket shows it, between two imports.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it ended before the call
            os._exit(1)


def adopt_orphans() -> None:
    """Keeps processes that are started below this one below it when their own parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants(pid: int) -> list[int]:
    """Returns the processes below one, without itself; empty without /proc."""
    children: dict[int, list[int]] = {}
    for child, parent in processes():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def processes() -> Iterator[tuple[int, int]]:
    """Yields the IDs of all processes with those of their parents."""
    for name in os.listdir("/proc") if sys.platform == "linux" else ():  # noqa: PTH208  many
        if name.isdigit():
            with contextlib.suppress(OSError):
                # Field 4 of proc(5); the second is the program's name and may contain anything.
                stat = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()
                yield int(name), int(stat[1])


class _Guard:
    def __init__(self, task: Callable[[], NoReturn], *, confine: bool, report: int) -> None:
        self._run = task
        self._confine = confine
        self._report = report
        self._task = 0
        self._status: int | None = None
        self._asked_to_end: set[int] = set()

    def watch(self, parent: int) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        if self._confine:
            adopt_orphans()
        die_with_parent(signal.SIGTERM, parent)
        guard = os.getpid()
        self._task = os.fork()
        if self._task == 0:
            os.close(self._report)
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            die_with_parent(signal.SIGKILL, guard)
            self._run()
        self._await_task()
        self._end_the_rest()
        os.write(self._report, b"%d\n" % (self._status or 0))
        return 0

    def _await_task(self) -> None:
        deadline: float | None = None
        while self._reap() and self._status is None:
            pause = _IDLE_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
            if _next_signal(pause) == signal.SIGTERM and deadline is None:
                if not self._confine:
                    return
                deadline = time.monotonic() + TASK_SECONDS
                # Only the task: it may need its child processes to end in order.
                self._send(self._task, signal.SIGTERM)
            if deadline is not None and time.monotonic() >= deadline:
                return

    def _end_the_rest(self) -> None:
        """Ends the processes that are left below: an unfinished task, and what it started."""
        deadline = time.monotonic() + (REST_SECONDS if self._confine else 0.0)
        give_up = deadline + KILL_SECONDS
        # If a client did not end, end its process group; processes that left the group were not
        # meant to end. The same if descendants are unknown: then only the group is known.
        if self._status is None or (self._confine and sys.platform != "linux"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._task, signal.SIGTERM if self._confine else signal.SIGKILL)
        while self._reap() and (self._confine or self._status is None):
            now = time.monotonic()
            if now >= give_up:
                return
            for process in self._below():
                if now >= deadline:
                    self._send(process, signal.SIGKILL)
                elif process not in self._asked_to_end:
                    self._asked_to_end.add(process)
                    self._send(process, signal.SIGTERM)
            _next_signal(_POLL_SECONDS)

    def _below(self) -> list[int]:
        if self._confine:
            return descendants(os.getpid()) or ([] if self._status is not None else [self._task])
        return [self._task]

    def _reap(self) -> bool:
        """Collects processes that have ended; returns whether any is left below this process."""
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if child == 0:
                return True
            if child == self._task:
                self._status = os.waitstatus_to_exitcode(status)

    @staticmethod
    def _send(process: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)
            if number == signal.SIGTERM:
                os.kill(process, signal.SIGCONT)  # a stopped process receives no other signal


def _next_signal(seconds: float) -> int | None:
    """Waits for one of the blocked signals and returns it; None when the time is over."""
    if hasattr(signal, "sigtimedwait"):
        found = signal.sigtimedwait(_SIGNALS, seconds)
        return found.si_signo if found else None
    deadline = time.monotonic() + seconds  # macOS
    while not (pending := signal.sigpending() & set(_SIGNALS)):
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_SECONDS)
    return signal.sigwait(pending)
