"""Asks a service again while that may help, and explains its last error. Standard library only.

Each client decides which errors may be temporary, how long it waits, and what an error means.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def patiently(
    step: Callable[[], T],
    *,
    waits: Iterable[float],
    errors: type[E] | tuple[type[E], ...] = (),
    passes: Callable[[E], bool] = lambda _: True,
    is_enough: Callable[[T], bool] = lambda _: True,
    explained: Callable[[E], Exception] = lambda error: error,
    before_wait: Callable[[E, float], object] = lambda _error, _seconds: None,
    pause: Callable[[float], object] = time.sleep,
) -> T:
    """Returns the result of a step, which is repeated while a service is busy or not done.

    Args:
        step: A call that does no harm when it is repeated.
        waits: Seconds to wait before each repetition. When they are used up, the last error is
            raised, or the last result returned.
        errors: The errors of the service. All others end the call at once.
        passes: Whether the same step may succeed later, after an error.
        is_enough: Whether a result is final.
        explained: Makes the error to raise from the last error of the service.
        before_wait: Is called with an error and the seconds that it is waited for.
        pause: Waits. It may raise, to interrupt the call.

    Raises:
        Exception: The exception that `explained` makes of an error that does not pass, or did not
            pass in time.
    """
    left = iter(waits)
    while True:
        try:
            result = step()
        except errors as error:
            seconds = next(left, None) if passes(error) else None
            if seconds is None:
                reason: Any = explained(error)
                if reason is error:
                    raise
                raise reason from error
            before_wait(error, seconds)
        else:
            seconds = None if is_enough(result) else next(left, None)
            if seconds is None:
                return result
        pause(seconds)


def until(deadline: float, waits: Iterable[float]) -> Iterator[float]:
    """Yields waits in seconds, until the monotonic clock shows `deadline`."""
    for seconds in waits:
        if time.monotonic() >= deadline:
            return
        yield seconds


def growing(first: float, factor: float, longest: float) -> Iterator[float]:
    """Yields waits forever: each is `factor` times the one before, up to `longest` seconds."""
    seconds = first
    while True:
        yield seconds
        seconds = min(seconds * factor, longest)
