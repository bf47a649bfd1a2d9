"""Records the signals that end a task, and wakes the thread that waits for the task's work."""

import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from headrace_components.contract.errors import Stopped

# A shell's exit code for a process that a signal ended: 128 and the signal's number.
_TERMINATED = 128 + signal.SIGTERM

# A wake-up is never lost; this only limits the effect of a bug.
_LOOK_SECONDS = 5.0


class StopSignals:
    """Handlers of SIGTERM and SIGINT that only record the first signal.

    An exception from a handler could interrupt any code: a request to a service, a lock, the
    clean-up after another signal. So the waiting code checks `noted` instead. Python only handles
    signals in the main thread; in another thread nothing is recorded, and `wait` still works.
    """

    def __init__(self) -> None:
        self.noted: int | None = None
        self._before: dict[int, Any] = {}
        self._wakeup_before = -1
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def take_over(self) -> None:
        """Installs the handlers."""
        if threading.current_thread() is not threading.main_thread():
            return
        # The kernel may deliver a signal to any thread. A byte written here always wakes `wait`,
        # also when the signal comes just before the wait begins.
        self._wakeup_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        # Also if Ctrl-C was ignored before: it is meant for this process.
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._note)

    def give_back(self) -> None:
        """Installs the handlers that were there before; may be called again."""
        if self._before:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before = {}
            signal.set_wakeup_fd(self._wakeup_before)

    def wake(self) -> None:
        """Makes `wait` check again; any thread may call it."""
        with contextlib.suppress(BlockingIOError):  # full: it will wake anyway
            os.write(self._writing, b"\0")

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Waits until a signal is recorded, or `is_done` is true after a call of `wake`."""
        while self.noted is None and not is_done():
            if select.select([self._reading], [], [], _LOOK_SECONDS)[0]:
                os.read(self._reading, 4096)

    def stop(self) -> BaseException | None:
        """Returns the exception for the recorded signal; None without a signal."""
        if self.noted is None:
            return None
        return KeyboardInterrupt() if self.noted == signal.SIGINT else Stopped(_TERMINATED)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.noted is None:
            self.noted = number
