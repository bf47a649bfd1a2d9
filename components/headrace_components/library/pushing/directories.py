"""Writes the directories from which servers read models. Standard library only."""

import contextlib
import errno
import fcntl
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import local_path

_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.partial")
# After this time, a push without a visible lock has ended.
_OLD_SECONDS = 24 * 3600


def base_path(destination: str) -> Path:
    """Returns the path at which this process writes `base_directory`.

    Args:
        destination: A path, or a URI of mounted storage.

    Raises:
        InputError: No storage is mounted for the URI.
    """
    if "://" not in destination:
        return Path(destination).absolute()
    if destination.startswith("file://"):
        return local_path(destination)
    mounts = Path(os.environ.get("HEADRACE_MOUNT_ROOT", "/"))
    if destination.startswith("gs://"):
        path = local_path(destination, mounts)
        # Open-source KFP has an empty volume at /gcs, which ends with the task.
        if mounts != Path("/") or is_mounted_bucket(path):
            return path
    raise InputError(
        f"`base_directory` is {destination!r}, but no storage is mounted for it here; "
        "gs:// is, on Vertex AI. Elsewhere mount a volume and pass a directory in it."
    )


def check_base(base: Path, destination: str) -> None:
    """Creates the directory `base`, and checks that directories can be created in it.

    Raises:
        InputError: A file has the same path, or this user may not write there.
    """
    for path in (base, *base.parents):
        if path.exists() and not path.is_dir():
            raise InputError(
                f"`base_directory` is {destination!r}, but {path} is a file. "
                "Pass a directory; it is made if it does not exist."
            )
    try:
        base.mkdir(parents=True, exist_ok=True)
        probe = base / f".{uuid.uuid4().hex}.probe"
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise InputError(
            f"`base_directory` is {destination!r}, where user {os.getuid()} may not "
            f"make directories ({error.strerror}). Give the task's user write access, or pass "
            "another directory."
        ) from error


@contextlib.contextmanager
def partial_directory(base: Path) -> Iterator[Path]:
    """Yields a new directory in `base` with a name that servers ignore.

    If it still exists at the end, it is removed. Directories of killed pushes are also removed; a
    running push holds a lock on its directory.
    """
    _remove_leftovers(base)
    path, descriptor = _locked_directory(base)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _locked_directory(base: Path) -> tuple[Path, int]:
    while True:
        path = base / f".{uuid.uuid4().hex}.partial"
        path.mkdir()
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:  # removed as a leftover, before it was locked
            continue
        if _lock(descriptor) is not False and path.is_dir():
            return path, descriptor
        os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Locks a directory; returns False if another process has it, None if locks do not work."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # for example on NFS
        return None
    return True


def _remove_leftovers(base: Path) -> None:
    for path in base.iterdir():
        if not _PARTIAL.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):  # another push was faster
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                is_locked = _lock(descriptor)
                is_old = time.time() - os.fstat(descriptor).st_ctime > _OLD_SECONDS
                if is_locked or (is_locked is None and is_old):
                    logging.info("Removing %s, which a push left that was killed.", path)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def is_mounted_bucket(path: Path) -> bool:
    """Returns whether `path` is in a bucket, where renaming a directory copies it."""
    return _file_system(path).startswith("fuse")


def _file_system(path: Path) -> str:
    """Returns the type of the file system of `path`, such as "ext4"; empty if unknown."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    holder, kind = Path("/"), ""
    for line in mounts.read_text("utf-8", errors="replace").splitlines():
        _, folder, file_system, *_ = line.split(" ")
        # If several file systems are mounted at one place, only the last is visible.
        if path.is_relative_to(folder) and len(Path(folder).parts) >= len(holder.parts):
            holder, kind = Path(folder), file_system
    return kind
