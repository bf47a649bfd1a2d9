"""Messages of a task to the person who waits for the run: its verdicts, and its jobs elsewhere.

Standard library only.

They are lines of its log that begin with `NOTICE`, which each backend passes on to the terminal.
"""

import logging
from collections.abc import Iterable, Iterator

NAME = "NOTICE"
LEVEL = (logging.INFO + logging.WARNING) // 2


def announce(text: str, *values: object) -> None:
    """Logs a notice; `text` is a format that begins with the component, as in `pusher: ...`."""
    logging.log(LEVEL, text, *values)


def notices_in(lines: Iterable[str], component: str = "") -> Iterator[str]:
    """Yields the notices of a log, without the name of the component that they begin with."""
    for line in lines:
        if line.startswith(f"{NAME} "):
            yield line.removeprefix(f"{NAME} ").strip().removeprefix(f"{component}: ")
