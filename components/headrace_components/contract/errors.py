"""The two kinds of failure a component reports, by who can act on them, and its end by a signal."""

import contextlib
import os
import traceback
from collections.abc import Iterator

# Code between the author's cell and the error says nothing to the author.
_NOT_THE_AUTHORS = frozenset({"IPython", "headrace", "headrace_components", "headrace_tfx"})
_STANDARD_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")  # noqa: PTH118, PTH120


class ComponentError(Exception):
    """A failure with a message for the person who must act on it."""

    def _render_traceback_(self) -> list[str]:
        """Returns what a notebook prints: the author's own lines, and the message."""
        places = [
            (frame, line)
            for frame, line in traceback.walk_tb(self.__traceback__)
            if str(frame.f_globals.get("__name__")).partition(".")[0] not in _NOT_THE_AUTHORS
            and not _is_library(frame.f_code.co_filename)
        ]
        lines = traceback.StackSummary.extract(iter(places)).format()
        return [*(line.rstrip() for line in lines), f"{type(self).__name__}: {self}"]


def _is_library(file: str) -> bool:
    return "site-packages" in file or file.startswith(_STANDARD_LIBRARY)


class InputError(ComponentError):
    """The pipeline author can fix it: a wrong parameter, module file, schema or input artifact.

    The message names the component, what it got, what it expected, and the next step. It is printed
    unchanged, without a traceback.
    """


class FindingsError(InputError):
    """The task fails because of what it found, and its outputs show this: they are kept."""


class PlatformError(ComponentError):
    """A retry or an operator may fix it: storage, network, quota, a full disk or a lost worker."""


class RefusedError(PlatformError):
    """An operator must allow it: a service knows the account of the task, and refuses.

    The message is complete, so it is printed without a traceback.
    """


class Stopped(SystemExit):
    """A signal ended the task, and it has ended what it had started elsewhere.

    Its code is a shell's exit code for that signal.
    """


@contextlib.contextmanager
def named(component: str) -> Iterator[None]:
    """Puts a component's name before the messages of its errors, if it is missing there."""
    try:
        yield
    except ComponentError as error:
        message = str(error)
        if not message.startswith(f"{component}: "):
            error.args = (f"{component}: {message}",)
        raise
