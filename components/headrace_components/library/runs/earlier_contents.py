"""Compares the results of two runs, wherever they are stored.

A task that looks for results of an earlier run may use the cache if it would find the same results.
On a cluster another task finds them first. The two must agree, because another run may end between
them.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.fingerprints import fingerprint_of
from headrace_components.library.runs.earlier_runs import EarlierOutput, SearchRoot

T = TypeVar("T")

NOTHING = "nothing"
"""Stands for a result that does not exist."""

# The checksums of stores: Cloud Storage, also for composed objects, and S3.
_CHECKSUMS = ("md5Hash", "crc32c", "ETag")


def agreed(found: Iterable[T], state_of: Callable[[T], str], state: str) -> T | None:
    """Returns the first result, or the one that the task before found; None if there is none.

    Args:
        found: The existing results, the newest first.
        state_of: Returns a text that identifies a result.
        state: The text from the task before; empty without such a task.

    Raises:
        PlatformError: The result that the task before found no longer exists.
    """
    if not state:
        return next(iter(found), None)
    if state == NOTHING:
        return None
    for each in found:
        if state_of(each) == state:
            return each
    raise PlatformError(
        f"what the task before it found is gone: {state}. Perhaps a run was deleted "
        "while this one was under way; start this one again."
    )


def contents(where: SearchRoot, left: EarlierOutput) -> str:
    """Returns a text for an artifact's type, metadata, and the names and contents of its files.

    For files in a store it uses sizes and the store's checksums. For large files in a directory it
    uses times, so that a copy counts as different.

    Raises:
        PlatformError: The store does not answer, or has no checksums.
    """
    kind = json.dumps([left.type, left.metadata], sort_keys=True)
    if where.stored is None or not left.path.is_relative_to(where.path):
        files = sorted(path for path in left.path.rglob("*") if path.is_file())
        named = fingerprint_of((path.relative_to(left.path).as_posix(), path) for path in files)
    else:
        named = _of_objects(where, left)
    return hashlib.sha256(f"{kind}\0{named}".encode()).hexdigest()


def _of_objects(where: SearchRoot, left: EarlierOutput) -> str:
    # Imported late: pyarrow is not needed if the store is mounted.
    from headrace_components.library.clients import object_stores

    store: Any = where.stored
    root = f"{store.root}/{left.path.relative_to(where.path).as_posix()}"
    digest = hashlib.sha256()
    try:
        entries = object_stores.files_below(store.filesystem, root)
        for entry in sorted(entries, key=lambda entry: entry.path):
            checksum = _checksum(store.filesystem, entry.path)
            digest.update(f"{entry.path.removeprefix(root)}\0{entry.size}\0{checksum}\0".encode())
    except OSError as error:
        raise PlatformError(
            f"could not look at {left.uri}: {error}. Check that the task's "
            "account may read the pipeline's root, then run again."
        ) from error
    except ValueError as error:
        raise InputError(
            f"could not look at {left.uri}: {error}. Remove the object from the store, or run the "
            "task again that wrote the artifact."
        ) from error
    return digest.hexdigest()


def _checksum(filesystem: Any, path: str) -> str:
    with filesystem.open_input_file(path) as file:
        metadata = file.metadata() or {}
    for name in _CHECKSUMS:
        if metadata.get(name):
            value = metadata[name]
            return value.decode() if isinstance(value, bytes) else str(value)
    raise OSError(f"the store has no checksum of {path}")
