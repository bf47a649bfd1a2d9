"""Fingerprints of files, by which a cache sees that they changed. Standard library only."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

# How much of files is read to find out whether they changed: at most a tenth of a second.
_SMALL_BYTES = 1 << 20
_MAX_BYTES = 64 << 20
_END_BYTES = 1 << 16


def file_fingerprint(*paths: str) -> str | None:
    """Returns a fingerprint of local files.

    Returns None if a path is remote or missing: then the component runs and reports it itself.
    """
    if any("://" in path or not Path(path).is_file() for path in paths):
        return None
    return fingerprint_of((str(Path(path).resolve()), Path(path)) for path in paths)


def fingerprint_of(files: Iterable[tuple[str, Path]], *, with_times: bool = False) -> str:
    """Returns a fingerprint of files that somebody else may change.

    Small files are read: they may be replaced by others of the same size and time. Of large ones it
    takes size, time of change, beginning and end, and the time at which the file system last heard
    of a change, which a program cannot set.

    Args:
        files: Each with the name that stands for it.
        with_times: Whether a file that was written again counts as different, whatever it contains.
            Then a task that began to read later than the fingerprint was computed, and found other
            contents, does not count as a task that read these.
    """
    digest = hashlib.sha256()
    room = _MAX_BYTES
    for name, path in files:
        status = path.stat()
        digest.update(f"{name}\0{status.st_size}\0".encode())
        is_small = status.st_size <= min(_SMALL_BYTES, room)
        if with_times or not is_small:
            digest.update(f"{status.st_mtime_ns}\0{status.st_ctime_ns}\0".encode())
        if is_small:
            room -= status.st_size
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        else:
            digest.update(_ends(path, status.st_size))
    return digest.hexdigest()


def _ends(path: Path, size: int) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_END_BYTES))
        file.seek(max(0, size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    return digest.digest()
