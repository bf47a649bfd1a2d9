"""The two kinds of failure a component reports, by who can act on them, and its end by a signal."""

import contextlib
from collections.abc import Iterator


class ComponentError(Exception):
    """A failure with a message written for the person who has to act on it."""


class InputError(ComponentError):
    """The pipeline author can fix it: a wrong parameter, module file, schema or input artifact.

    The message names the component, what it got, what it expected, and the next step. It is
    printed as it is, without a traceback.
    """


class FindingsError(InputError):
    """What the task has found is why it fails, and its outputs show it: they are kept."""


class PlatformError(ComponentError):
    """A retry or an operator may fix it: storage, network, quota, a full disk or a lost worker."""


class RefusedError(PlatformError):
    """An operator has to allow it: a service knows the account of the task, and refuses.

    The message says all there is to know, so it is printed without a traceback.
    """


class Stopped(SystemExit):
    """The task was told to end by a signal, and has ended what it had started elsewhere.

    Its code is what a shell makes of that signal.
    """


@contextlib.contextmanager
def named(component: str) -> Iterator[None]:
    """Puts a component's name before the messages of its errors, where it is not there yet."""
    try:
        yield
    except ComponentError as error:
        message = str(error)
        if not message.startswith(f"{component}: "):
            error.args = (f"{component}: {message}",)
        raise
