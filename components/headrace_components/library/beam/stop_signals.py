"""Records the signals that tell a task to end, and wakes the thread that waits for its work."""

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

# A wake-up is never lost; this only bounds how long a mistake could last.
_LOOK_SECONDS = 5.0


class StopSignals:
    """Handlers of SIGTERM and SIGINT that do nothing but note the first of them.

    An exception out of a handler would break into whatever the process just does: a request to a
    service, a lock, the clean-up after another signal. So whoever waits looks at `noted` instead,
    and decides. Python lets the main thread alone handle signals; in another thread nothing is
    ever noted, and `wait` works all the same.
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
        # The kernel may hand a signal to any thread. What it writes here wakes `wait` in any case,
        # also when the signal comes just before the waiting begins.
        self._wakeup_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        # Even if Ctrl-C was ignored before: somebody who sends it means this process.
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
        """Has `wait` look again; any thread may call it."""
        with contextlib.suppress(BlockingIOError):  # full: it will wake
            os.write(self._writing, b"\0")

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Waits until a signal is noted or `is_done` is true after a call of `wake`."""
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
