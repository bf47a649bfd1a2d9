"""Waits until written data is on the disk. Standard library only."""

import errno
import os
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Several files at once take hardly more time than one.
_THREADS = 8
# Errors for directories on file systems that do not need this.
_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EISDIR, errno.EACCES})


def sync(paths: Iterable[Path]) -> None:
    """Waits until files and directories are on the disk, and not only in memory.

    Raises:
        OSError: The disk did not store all of it.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(_sync, paths):
            pass


def _sync(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return  # opening a pipe would wait forever
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError:  # removed in the meantime, so there is nothing to store
        return
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
