"""Names of a pipeline that become directories and files when it runs.

A run has its files under `<root>/<pipeline>/<run>/<task>/<output>`. So a name from outside must not
lead to another place, and must work in a file system, a container's mount and a log file.
"""

import re

from headrace_components.contract.errors import InputError

MAX_NAME_BYTES = 128
"""The maximum length of a name."""

MAX_PATH_BYTES = 240
"""The maximum length of all names from the pipeline down to a task, because its log is one file."""

# The number of an iteration, in the length of a path.
_ITERATION_BYTES = 6

_NAME = re.compile(r"[^\W_][\w.-]*")
_OUTPUT = re.compile(r"\w[\w-]*")


def check_name(name: str, what: str, where: str) -> None:
    """Refuses the name of a pipeline or a task that could lead out of a run's directory.

    Args:
        name: The name.
        what: The thing that the name is for, and its place.
        where: The beginning of the message.

    Raises:
        InputError: It is empty, too long, or has another character than letters, digits, `_`, `.`
            and `-`, the first of them a letter or a digit.
    """
    _check(name, _NAME, "letters, digits, `_`, `.` and `-`, first a letter or a digit", what, where)


def check_output_name(name: str, what: str, where: str) -> None:
    """Refuses the name of an output that could lead out of a task's directory.

    Raises:
        InputError: It is empty, too long, or has another character than letters, digits, `_`
            and `-`.
    """
    _check(name, _OUTPUT, "letters, digits, `_` and `-`, first no `-`", what, where)


def check_path(path: tuple[str, ...], where: str) -> None:
    """Refuses a task that is nested so deeply that no file could be named after it.

    Args:
        path: Names from the pipeline down to the task; `*` for the number of an iteration.
        where: The beginning of the message.

    Raises:
        InputError: The names are too long together.
    """
    length = sum(1 + (_ITERATION_BYTES if name == "*" else len(name.encode())) for name in path)
    if length > MAX_PATH_BYTES:
        raise InputError(
            f"{where}: the task {'/'.join(path)!r} has a path of {length} bytes, expected at most "
            f"{MAX_PATH_BYTES}. Give its sub-pipelines shorter names, or nest them less."
        )


def _check(name: str, pattern: re.Pattern[str], rule: str, what: str, where: str) -> None:
    if pattern.fullmatch(name) and len(name.encode()) <= MAX_NAME_BYTES:
        return
    shown = name if len(name) <= MAX_NAME_BYTES else name[:40] + "..."
    raise InputError(
        f"{where}: {what} is named {shown!r}, but a name becomes a directory: expected 1 to "
        f"{MAX_NAME_BYTES} bytes of {rule}. Rename it."
    )
