"""Ctrl-C in commands that wait for a service."""

import contextlib
import queue
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_AGAIN_SECONDS = 1.0
_OVER = "over"


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within, Ctrl-C raises KeyboardInterrupt, until one has left the block.

    Python's own handler raises once, at the current place of the main thread. If that is in a
    destructor or a callback of a C library, the exception is only printed as ignored, and the
    command would continue to wait. So the signal is sent again each second. It is also handled if
    SIGINT was ignored when the program started, as in the background of a script, because the
    command only waits for a run that goes on without it. Threads other than the main one receive no
    signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    main = threading.get_ident()
    # Its `put` may be called by a handler while the same thread is in a `put`.
    came: queue.SimpleQueue[str] = queue.SimpleQueue()
    is_over = False

    def remind() -> None:
        what = came.get()
        while what != _OVER:
            try:
                what = came.get(timeout=_AGAIN_SECONDS)
            except queue.Empty:
                signal.pthread_kill(main, signal.SIGINT)

    def interrupt(_: int, __: FrameType | None) -> None:
        if not is_over:
            came.put("interrupt")
            raise KeyboardInterrupt

    threading.Thread(target=remind, name="interruptible", daemon=True).start()
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        is_over = True
        came.put(_OVER)
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
