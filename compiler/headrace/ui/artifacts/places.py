"""Where artifacts are, and what of it the server may read: what a record names below the root.

Records may be of another machine, or hostile, and so may the files: links are followed before the
place is compared, and what is no plain file is never opened.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

_MAX_FILES = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactPlace:
    """Where an artifact is.

    Attributes:
        path: Its directory or file; None if it is not read.
        reason: Why it is not read; empty if it is.
    """

    path: Path | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldFile:
    """A file of an artifact.

    Attributes:
        name: Path within the artifact; empty for an artifact that is one file.
        num_bytes: Its size.
        note: What it is if it is no file that can be read; empty for most.
    """

    name: str
    num_bytes: int
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """The files of an artifact.

    Attributes:
        files: The files by name.
        num_bytes: Their size together.
        is_complete: Whether these are all; an artifact may have a great many.
    """

    files: tuple[HeldFile, ...]
    num_bytes: int
    is_complete: bool


def place_of(uri: str, root: Path) -> ArtifactPlace:
    """Returns where an artifact is, by its URI, and whether it is below the root."""
    scheme = urlsplit(uri).scheme if "://" in uri else ""
    if scheme not in ("", "file"):
        return ArtifactPlace(
            path=None, reason=f"It is at {scheme}://, which this page does not read."
        )
    path = Path(unquote(urlsplit(uri).path)) if scheme else Path(uri)
    if not uri or not path.is_absolute():
        return ArtifactPlace(
            path=None, reason="Its record has no whole path, so it cannot be found."
        )
    try:
        found = path.resolve(strict=True)
        if not found.is_relative_to(root.resolve()):
            words = f"It is not under {root}, and this page reads nothing outside of it."
            return ArtifactPlace(path=None, reason=words)
        if not stat.S_ISREG(found.stat().st_mode) and not found.is_dir():
            return ArtifactPlace(path=None, reason="It is neither a file nor a directory.")
    except FileNotFoundError:
        return ArtifactPlace(
            path=None, reason="It is not there any more: its files were deleted or moved."
        )
    except (OSError, ValueError, RuntimeError):  # no right; a zero in the name; a circle of links
        return ArtifactPlace(path=None, reason="Its files cannot be read.")
    return ArtifactPlace(path=found)


def holding_of(path: Path) -> Holding:
    """Returns the files of an artifact, links and devices by name alone."""
    if path.is_file():
        held = HeldFile(name="", num_bytes=path.stat().st_size)
        return Holding(files=(held,), num_bytes=held.num_bytes, is_complete=True)
    found: list[HeldFile] = []
    total = 0
    is_complete = True
    for held in _walk(path, path):
        if len(found) == _MAX_FILES:
            is_complete = False
            break
        found.append(held)
        total += held.num_bytes
    ordered = tuple(sorted(found, key=lambda held: held.name))
    return Holding(files=ordered, num_bytes=total, is_complete=is_complete)


def _walk(folder: Path, root: Path) -> Iterator[HeldFile]:
    # Not recursive: directories may be nested deeper than Python's stack.
    to_visit = [folder]
    while to_visit:
        try:
            entries = list(os.scandir(to_visit.pop()))
        except OSError:
            continue
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = str(Path(entry.path).relative_to(root))
            shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            if shown != name:  # bytes that are no text; no address could name it
                yield HeldFile(name=shown, num_bytes=0, note="its name is not UTF-8")
            elif entry.is_symlink():
                yield HeldFile(name=name, num_bytes=0, note="a link, which is not followed")
            elif entry.is_dir(follow_symlinks=False):
                to_visit.append(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield HeldFile(name=name, num_bytes=entry.stat(follow_symlinks=False).st_size)
            else:
                yield HeldFile(name=name, num_bytes=0, note="no plain file")


def file_within(path: Path, name: str) -> Path | None:
    """Returns a plain file of an artifact by its path within it; None if there is no such file.

    Args:
        path: The artifact, as `place_of` gives it.
        name: Empty for an artifact that is one file.
    """
    try:
        file = (path / name if name else path).resolve(strict=True)
        is_within = file.is_relative_to(path)
        return file if is_within and stat.S_ISREG(file.stat().st_mode) else None
    except (OSError, ValueError, RuntimeError):
        return None
