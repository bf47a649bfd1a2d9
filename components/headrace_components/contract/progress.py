"""How far a task is, for the person who waits for the run. Standard library only.

A backend that shows it names a file in `HEADRACE_PROGRESS`, which always has the last report.
Without one, a report is a line of the log from time to time.
"""

import json
import logging
import math
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "HEADRACE_PROGRESS"

_FILE_SECONDS = 0.5
_LOG_SECONDS = 60.0
_MAX_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a task is.

    Attributes:
        text: A few words, such as `epoch 2 of 10, step 300 of 1000, loss 0.31`.
        share: The part that is done, in [0, 1]; None if it is not known.
    """

    text: str
    share: float | None = None


class Reporter:
    """Reports how far a task is; several threads may use it.

    Args:
        component: Name of the component, for the log.
    """

    def __init__(self, component: str) -> None:
        self._component = component
        self._file = os.environ.get(VARIABLE, "")
        self._pause = _FILE_SECONDS if self._file else _LOG_SECONDS
        self._next = 0.0 if self._file else time.monotonic() + self._pause
        self._lock = threading.Lock()

    def is_due(self) -> bool:
        """Whether a report would be shown now; others are dropped."""
        return time.monotonic() >= self._next

    def report(self, progress: Progress) -> None:
        """Shows how far the task is, if the last report is some time ago."""
        with self._lock:
            if not self.is_due():
                return
            self._next = time.monotonic() + self._pause
            if self._file:
                _write(Path(self._file), progress)
            else:
                logging.info("%s: %s", self._component, progress.text)


def read(file: Path) -> Progress | None:
    """Returns the last report in a file; None if there is none."""
    try:
        content = json.loads(file.read_bytes())
        text, share = content["text"], content["share"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(text, str):
        return None
    is_share = isinstance(share, (int, float)) and math.isfinite(share)
    line = "".join(each if each.isprintable() else " " for each in text)[:_MAX_CHARACTERS]
    return Progress(text=line, share=min(max(float(share), 0.0), 1.0) if is_share else None)


def _write(file: Path, progress: Progress) -> None:
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_text(json.dumps({"text": progress.text, "share": progress.share}), "utf-8")
        part.replace(file)
    except OSError:  # nothing depends on it
        logging.debug("The progress could not be written.", exc_info=True)
