"""Ctrl-C in commands that wait."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from headrace.cli.interrupts import interruptible


class Swallows:
    """Is interrupted in its destructor, where Python prints an exception and continues."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            time.sleep(0.001)


@pytest.fixture
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("handler")
def test_an_interrupt_that_is_swallowed_comes_again() -> None:
    swallowed = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        Swallows()
        swallowed.append(True)
        for _ in range(6000):
            time.sleep(0.01)
    assert swallowed


@pytest.mark.usefixtures("handler")
def test_an_interrupt_that_was_heard_does_not_come_again() -> None:
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt), interruptible():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
    time.sleep(1.5)  # longer than until the next reminder
    assert [each.name for each in threading.enumerate()].count("interruptible") == 0


@pytest.mark.usefixtures("handler")
def test_without_an_interrupt_nothing_is_left() -> None:
    with interruptible():
        pass
    for thread in threading.enumerate():
        if thread.name == "interruptible":
            thread.join(10)
            assert not thread.is_alive()
