"""The directories that servers read models from, as a task sees them. Standard library only."""

import errno
import os
import uuid
from pathlib import Path

from headrace_components.errors import InputError
from headrace_components.task import local_path


def base_path(component: str, destination: str) -> Path:
    """Returns where this process writes what `base_directory` names.

    Args:
        component: Name of the component, for error messages.
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
        f"{component}: `base_directory` is {destination!r}, but no storage is mounted for it here; "
        "gs:// is, on Vertex AI. Elsewhere mount a volume and pass a directory in it."
    )


def check_base(component: str, base: Path, destination: str) -> None:
    """Makes the directory `base`, and tries whether directories can be made in it.

    Raises:
        InputError: A file is in the way, or this user may not write there.
    """
    for path in (base, *base.parents):
        if path.exists() and not path.is_dir():
            raise InputError(
                f"{component}: `base_directory` is {destination!r}, but {path} is a file. "
                "Pass a directory; it is made where it does not exist."
            )
    try:
        base.mkdir(parents=True, exist_ok=True)
        probe = base / f".{uuid.uuid4().hex}.partial"
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise InputError(
            f"{component}: `base_directory` is {destination!r}, where user {os.getuid()} may not "
            f"make directories ({error.strerror}). Give the task's user write access, or pass "
            "another directory."
        ) from error


def is_mounted_bucket(path: Path) -> bool:
    """Says whether `path` is in a bucket, where renaming a directory is copying it."""
    return _file_system(path).startswith("fuse")


def _file_system(path: Path) -> str:
    """Returns the type of the file system that holds `path`, as "ext4"; empty where unknown."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    holder, kind = Path("/"), ""
    for line in mounts.read_text("utf-8", errors="replace").splitlines():
        _, folder, file_system, *_ = line.split(" ")
        # The last of several mounts at one place is the one that is seen.
        if path.is_relative_to(folder) and len(Path(folder).parts) >= len(holder.parts):
            holder, kind = Path(folder), file_system
    return kind
