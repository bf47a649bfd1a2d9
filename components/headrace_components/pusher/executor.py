"""Copies a blessed model to where a server watches, so that no half of it is ever seen.

TensorFlow is not needed, and not in the image.
"""

import errno
import logging
import shutil
import time
import uuid
from pathlib import Path

from headrace_components.errors import PlatformError
from headrace_components.parameters import read
from headrace_components.pusher.params import PusherParams
from headrace_components.pushing.directories import base_path, check_base, is_mounted_bucket
from headrace_components.pushing.source import copy_model, may_push, push_source
from headrace_components.task import Task


def execute(task: Task) -> None:
    """Pushes the model if it is blessed; fills `pushed_model` with a copy and where it went."""
    params = read(PusherParams, task.params, task.component)
    pushed = task.output("pushed_model")
    if not may_push(task):
        pushed.metadata["pushed"] = 0
        return
    model = push_source(task).path
    base = base_path(task.component, params.destination)
    check_base(task.component, base, params.destination)
    # The artifact first: once the server sees the new version, nothing can fail any more.
    copy_model(model, pushed.path)
    version = _push(model, base)
    logging.info("pusher: version %s is in %s.", version.name, base)
    pushed.metadata["pushed"] = 1
    pushed.metadata["pushed_destination"] = (
        f"{params.destination.rstrip('/')}/{version.name}"
        if "://" in params.destination
        else str(version)
    )
    pushed.metadata["pushed_version"] = version.name


def _push(model: Path, base: Path) -> Path:
    """Copies the model to a new version of its own and returns that directory."""
    if is_mounted_bucket(base):
        # On a mounted bucket renaming a directory is copying it, one object after the other.
        version = base / str(_next_version(base))
        copy_model(model, version)
        return version
    # TensorFlow Serving looks at directories with a number for a name, and at no other.
    partial = base / f".{uuid.uuid4().hex}.partial"
    try:
        copy_model(model, partial)
        return _rename_to_next_version(partial, base)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename_to_next_version(partial: Path, base: Path) -> Path:
    for _ in range(1000):
        version = base / str(_next_version(base))
        try:
            partial.rename(version)
        except OSError as error:
            # Another pusher took the number first.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return version
    raise PlatformError(
        f"pusher: 1000 versions in {base} were taken by others while this one was renamed, "
        "expected a free one. Run the task again when fewer tasks push there."
    )


def _next_version(base: Path) -> int:
    """Returns the time in seconds since the epoch, or more: greater than any version in `base`.

    A server loads the greatest number; a clock that was set back must not hide the new model.
    """
    versions = [int(path.name) for path in base.iterdir() if path.name.isdecimal()]
    return max(int(time.time()), max(versions, default=0) + 1)
