"""Copies a blessed model to where a server watches, so that no half of it is ever seen.

TensorFlow is not needed, and not in the image.
"""

import errno
import logging
import os
import shutil
import time
import uuid
from pathlib import Path

from headrace_components.blessings import is_blessed
from headrace_components.errors import InputError, PlatformError
from headrace_components.parameters import read
from headrace_components.pusher.params import PusherParams
from headrace_components.task import Task, local_path

_SERVING_DIR = "Format-Serving"
_STAMPED_DIR = "stamped_model"

# A server takes a directory for a model as soon as this file is there.
_READY_FILE = "saved_model.pb"


def execute(task: Task) -> None:
    """Pushes the model if it is blessed; fills `pushed_model` with a copy and where it went."""
    params = read(PusherParams, task.params, task.component)
    pushed = task.output("pushed_model")
    if not _may_push(task):
        pushed.metadata["pushed"] = 0
        return
    model = _model_path(task)
    base = _base_path(params.destination)
    _check_base(base, params.destination)
    # The artifact first: once the server sees the new version, nothing can fail any more.
    _copy(model, pushed.path)
    version = _push(model, base)
    logging.info("pusher: version %s is in %s.", version.name, base)
    pushed.metadata["pushed"] = 1
    pushed.metadata["pushed_destination"] = (
        f"{params.destination.rstrip('/')}/{version.name}"
        if "://" in params.destination
        else str(version)
    )
    pushed.metadata["pushed_version"] = version.name


def _may_push(task: Task) -> bool:
    model_blessing = task.optional_input("model_blessing")
    infra_blessing = task.optional_input("infra_blessing")
    if model_blessing is None and infra_blessing is None:
        logging.warning(
            "pusher: the model is pushed without validation. Connect an evaluator's `blessing` "
            "to `model_blessing` to push only models that pass."
        )
    for blessing, yes, no in (
        (model_blessing, "BLESSED", "NOT_BLESSED"),
        (infra_blessing, "INFRA_BLESSED", "INFRA_NOT_BLESSED"),
    ):
        if blessing is not None and not is_blessed(blessing, yes, no):
            logging.info(
                "pusher: nothing is pushed: `%s` at %s is no blessing.", blessing.key, blessing.uri
            )
            return False
    return True


def _model_path(task: Task) -> Path:
    model = task.optional_input("model")
    if model is not None:
        path = _serving_path(model.path)
        if not _holds_files(path):
            raise InputError(
                f"pusher: `model` at {model.path} has no file in {_SERVING_DIR}, expected a saved "
                "model there. Connect a trainer's `model`."
            )
        return path
    blessing = task.optional_input("infra_blessing")
    if blessing is None:
        raise InputError(
            "pusher: neither `model` nor `infra_blessing` is connected, expected one of them. "
            "Connect a trainer's `model`."
        )
    path = blessing.path / _STAMPED_DIR
    if not _holds_files(path):
        raise InputError(
            f"pusher: `infra_blessing` at {blessing.path} has no file in {_STAMPED_DIR}, so it "
            "carries no model. Connect a trainer's `model`, or let the infra validator make a "
            "warm-up model."
        )
    return path


def _serving_path(model: Path) -> Path:
    """Returns where the model is: estimators save to `export/<exporter>/<timestamp>`."""
    serving = model / _SERVING_DIR
    exports = sorted(serving.glob("export/*/*"))
    return exports[0] if len(exports) == 1 and exports[0].is_dir() else serving


def _holds_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))


def _base_path(destination: str) -> Path:
    if "://" not in destination:
        return Path(destination).absolute()
    if destination.startswith("file://"):
        return local_path(destination)
    mounts = Path(os.environ.get("HEADRACE_MOUNT_ROOT", "/"))
    if destination.startswith("gs://"):
        path = local_path(destination, mounts)
        # Open-source KFP has an empty volume at /gcs, which ends with the task.
        if mounts != Path("/") or _file_system(path).startswith("fuse"):
            return path
    raise InputError(
        f"pusher: `base_directory` is {destination!r}, but no storage is mounted for it here; "
        "gs:// is, on Vertex AI. Elsewhere mount a volume and pass a directory in it."
    )


def _check_base(base: Path, destination: str) -> None:
    for path in (base, *base.parents):
        if path.exists() and not path.is_dir():
            raise InputError(
                f"pusher: `base_directory` is {destination!r}, but {path} is a file. "
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
            f"pusher: `base_directory` is {destination!r}, where user {os.getuid()} may not make "
            f"directories ({error.strerror}). Give the task's user write access, or pass another "
            "directory."
        ) from error


def _push(model: Path, base: Path) -> Path:
    """Copies the model to a new version of its own and returns that directory."""
    if _file_system(base).startswith("fuse"):
        # On a mounted bucket renaming a directory is copying it, one object after the other.
        version = base / str(_next_version(base))
        _copy(model, version)
        return version
    # TensorFlow Serving looks at directories with a number for a name, and at no other.
    partial = base / f".{uuid.uuid4().hex}.partial"
    try:
        _copy(model, partial)
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


def _copy(model: Path, target: Path) -> None:
    """Copies files and their contents, the one that says that a model is ready last.

    shutil.copytree would copy permissions too, which a server run by another user need not have,
    and hide that a disk is full in a list of errors.
    """
    target.mkdir(parents=True, exist_ok=True)
    paths = sorted(model.rglob("*"), key=lambda path: (path == model / _READY_FILE, path))
    for path in paths:
        if path.is_dir():
            (target / path.relative_to(model)).mkdir(exist_ok=True)
        else:
            shutil.copyfile(path, target / path.relative_to(model))


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
