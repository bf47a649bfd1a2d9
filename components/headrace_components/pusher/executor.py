"""Copies a blessed model to a directory that a server watches; the server only sees whole models.

A task may be killed and retried after the version was made but before this is recorded. So a
version is marked with its task: in an attribute of its directory, or in a file beside it in a
mounted bucket, because buckets have no attributes.

TensorFlow is neither needed nor in the image.
"""

import errno
import filecmp
import hashlib
import logging
import os
import re
import shutil
import time
from pathlib import Path

from headrace_components.contract.errors import PlatformError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.pushing.directories import (
    base_path,
    check_base,
    is_mounted_bucket,
    partial_directory,
)
from headrace_components.library.pushing.source import READY_FILE, copy_model, push_source, refusal
from headrace_components.library.runs.disk import sync
from headrace_components.pusher.params import PusherParams

_ATTRIBUTE = "user.headrace.push"
# On the local backend a task first writes beside its final directory; the rest of the URI stays the
# same.
_PLACE_OF_WRITING = re.compile(r"/\.([^/]+)\.[0-9a-f]{8}\.partial/")


def execute(task: Task) -> None:
    """Pushes the model if it is blessed; fills `pushed_model` with a copy and its location."""
    params = read(PusherParams, task.params, task.component)
    pushed = task.output("pushed_model")
    if refused := refusal(task):
        pushed.metadata.update(refused)
        return
    model = push_source(task).path
    base = base_path(params.destination)
    check_base(base, params.destination)
    # The artifact comes first: after the server sees the new version, nothing may fail.
    copy_model(model, pushed.path)
    version = _push(model, base, _mark(pushed.uri))
    announce("pusher: version %s is in %s.", version.name, base)
    pushed.metadata["pushed"] = 1
    pushed.metadata["pushed_destination"] = (
        f"{params.destination.rstrip('/')}/{version.name}"
        if "://" in params.destination
        else str(version)
    )
    pushed.metadata["pushed_version"] = version.name


def _mark(uri: str) -> str:
    """Returns a text that identifies this task, the same in every attempt."""
    return hashlib.sha256(_PLACE_OF_WRITING.sub(r"/\1/", uri).encode()).hexdigest()[:32]


def _push(model: Path, base: Path, mark: str = "") -> Path:
    """Copies the model to a new version and returns its directory.

    If an earlier attempt of the same task made a version, it is used.
    """
    if is_mounted_bucket(base):
        # On a mounted bucket, renaming a directory copies it, one object after the other.
        version = _version_in_bucket(model, base, mark)
        copy_model(model, version)
        return version
    for version in _versions(base):
        if mark and _mark_of(version) == mark and _holds(version, model):
            logging.info("pusher: an earlier try of this task pushed version %s.", version.name)
            return version
    # TensorFlow Serving only looks at directories whose name is a number.
    with partial_directory(base) as partial:
        copy_model(model, partial)
        _set_mark(partial, mark)
        sync([partial, *partial.rglob("*")])
        version = _rename_to_next_version(partial, base)
        sync([base])
        return version


def _version_in_bucket(model: Path, base: Path, mark: str) -> Path:
    """Returns the directory of a version, the same for each attempt of the task.

    A note with the version is written before the copy.
    """
    note = base / f".{mark}.version"
    known = note.read_text("utf-8").strip() if note.is_file() else ""
    if known.isdecimal():
        version = base / known
        if not (version / READY_FILE).is_file():  # an incomplete copy of an earlier attempt
            shutil.rmtree(version, ignore_errors=True)
            return version
        if _holds(version, model):
            return version
    version = base / str(_next_version(base))
    if mark:
        note.write_text(version.name, "utf-8")
    return version


def _versions(base: Path) -> list[Path]:
    return [path for path in base.iterdir() if path.name.isdecimal()]


def _mark_of(version: Path) -> str:
    try:
        return os.getxattr(version, _ATTRIBUTE).decode("utf-8", "replace")
    except (OSError, AttributeError):  # no attribute, or attributes are not supported
        return ""


def _set_mark(directory: Path, mark: str) -> None:
    try:
        os.setxattr(directory, _ATTRIBUTE, mark.encode())
    except (OSError, AttributeError):
        logging.info(
            "pusher: the file system of %s has no attributes: if this task is killed before it "
            "ends, its next attempt pushes another version.",
            directory.parent,
        )


def _holds(version: Path, model: Path) -> bool:
    """Returns whether a version has the files of the model."""
    names, others = (
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        for folder in (model, version)
    )
    return names == others and all(
        filecmp.cmp(model / name, version / name, shallow=False) for name in names
    )


def _rename_to_next_version(partial: Path, base: Path) -> Path:
    for _ in range(1000):
        version = base / str(_next_version(base))
        try:
            partial.rename(version)
        except OSError as error:
            # Another pusher was faster and has this number.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return version
    raise PlatformError(
        f"1000 versions in {base} were taken by others while this one was renamed, "
        "expected a free one. Run the task again when fewer tasks push there."
    )


def _next_version(base: Path) -> int:
    """Returns the time in seconds since the epoch, or a greater number than all versions in `base`.

    A server loads the greatest number, so a clock that was set back must not hide the new model.
    """
    versions = [int(path.name) for path in _versions(base)]
    return max(int(time.time()), max(versions, default=0) + 1)
