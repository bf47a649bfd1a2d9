"""Things that can be removed, and their sizes."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["run", "spin", "leftover", "cache", "environment", "image"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One of them.

    Attributes:
        kind: What it is.
        name: What people call it.
        place: Its path; the ID of an image.
        num_bytes: How much space it takes. What an image shares with others is counted, too.
        reason: Why it is no longer needed.
        engine: The engine that has the image; empty for other things.
    """

    kind: Kind
    name: str
    place: str
    num_bytes: int
    reason: str
    engine: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRun:
    """A run that is old enough, and stays.

    Attributes:
        run: The run.
        reason: Why it stays.
    """

    run: str
    reason: str


def size_of(path: Path) -> int:
    """Returns the bytes of the files below a path; links count for nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118  many files
            except OSError:
                continue
    return total
