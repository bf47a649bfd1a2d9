"""A gate between the work of a task and the service that runs its job."""

import contextlib
import threading
from collections.abc import Iterator


class Gate:
    """Lets one request at a time pass, until the gate is shut.

    A thread does the work of a task, and no other thread can end it. With the gate shut it cannot
    reach the service any more, so it cannot create a job.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._shut = threading.Event()
        self._is_creating = False

    @contextlib.contextmanager
    def passing(self, *, creates: bool = False) -> Iterator[None]:
        """Use this with `with` around a request; `creates` means that the request creates the job.

        Raises:
            SystemExit: The gate is shut, so the thread must end.
        """
        with self._lock:
            self.check()
            self._is_creating = creates
            try:
                yield
            finally:
                self._is_creating = False

    def check(self) -> None:
        """Raises SystemExit if the gate is shut."""
        if self._shut.is_set():
            # `threading` treats it as a normal end of the thread, and Beam does not retry it.
            raise SystemExit

    def pause(self, seconds: float) -> None:
        """Waits, and raises SystemExit as soon as the gate is shut."""
        self._shut.wait(seconds)
        self.check()

    def shut(self, *, request_seconds: float, creation_seconds: float) -> None:
        """Lets no request pass any more, and waits for the current one.

        Args:
            request_seconds: The maximum time to wait for its answer.
            creation_seconds: The same for the request that creates the job.
        """
        self._shut.set()
        seconds = creation_seconds if self._is_creating else request_seconds
        if self._lock.acquire(timeout=seconds):
            self._lock.release()
