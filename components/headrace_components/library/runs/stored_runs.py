"""The outputs of earlier runs in an object store that the backend does not mount.

Kubeflow's launcher gives a task only its own inputs and outputs. So the directories of a pipeline
are listed in the store and created again on this machine, with empty files instead of the real
ones. Code that searches them works as in a mounted store. Files that describe an artifact have
their real contents. The files of a chosen artifact are downloaded.
"""

import logging
import os
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pyarrow import fs

from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.texts import one_line
from headrace_components.library.clients import object_stores

# These directories contain most of the files. One level is enough to see that there are files, and
# how new they are.
_DATA_DIRECTORIES = ("Split-", "Columnar-", "Format-", "_data")

_THREADS = 16
# The maximum size of a record. Headrace's have some hundred bytes, TFX's some kilobytes.
_MAX_RECORD_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRuns:
    """A directory in a store, and a copy of its structure on this machine.

    Attributes:
        component: Name of the component, for the log.
        path: The copy.
        folder: The copy's parent directory, which is removed at the end of the process.
        filesystem: The store.
        root: The directory in the store.
    """

    component: str
    path: Path
    folder: TemporaryDirectory[str]
    filesystem: fs.FileSystem
    root: str

    def download(self, path: Path, target: Path) -> None:
        """Downloads the original of a directory in the copy.

        Args:
            path: The directory, below `path`.
            target: Directory to write.

        Raises:
            InputError: The name of a file leads out of the directory.
            PlatformError: The store did not return a file.
        """
        source = f"{self.root}/{path.relative_to(self.path).as_posix()}"
        try:
            object_stores.download_directory(self.filesystem, source, target)
        except OSError as error:
            raise PlatformError(
                f"could not read {source}: {one_line(error)}. "
                "Check that the task's account may read the pipeline's root; or, if the run "
                "was just deleted, run again."
            ) from error
        except ValueError as error:
            raise InputError(
                f"{source} has an object with a name that is refused: {error}. "
                "Remove the object from the store, or run the task again that wrote the artifact."
            ) from error


def list_runs(uri: str, records: Collection[str], component: str) -> StoredRuns:
    """Lists a pipeline's directory in a store.

    Args:
        uri: The directory, which need not exist.
        records: Names of the files whose contents are needed.
        component: Name of the component, for the log.

    Raises:
        PlatformError: The store did not answer, or refused this account.
    """
    started = time.monotonic()
    folder = TemporaryDirectory(prefix="headrace-runs-")
    path = Path(folder.name) / uri.rstrip("/").rpartition("/")[2]
    path.mkdir()
    try:
        filesystem, root = object_stores.open_store(uri.rstrip("/"))
        found = StoredRuns(
            component=component, path=path, folder=folder, filesystem=filesystem, root=root
        )
        num_files = sum(1 for entry in _files(found) if _stand_in(found, entry, records))
    except OSError as error:
        raise PlatformError(
            f"could not list {uri}, where the outputs of earlier runs are: "
            f"{one_line(error)}. Check the account of the task and, for an S3 "
            "server, AWS_ENDPOINT_URL; or mount the store and pass its directory as `search_root`."
        ) from error
    logging.info(
        "%s: listed %s, %d files, in %.1f s.", component, uri, num_files, time.monotonic() - started
    )
    return found


def _files(runs: StoredRuns) -> Iterator[fs.FileInfo]:
    """Yields the files of all directories; of data directories only those of one level."""
    level = [runs.root]
    with ThreadPoolExecutor(_THREADS) as pool:
        while level:
            deeper = []
            listings = pool.map(partial(_entries, runs.filesystem), level)
            for directory, entries in zip(level, listings, strict=True):
                # Below a key with `//`, a store lists a directory as its own child.
                children = {entry.path.rstrip("/") for entry in entries if _is_directory(entry)}
                children.discard(directory)
                if not Path(directory).name.startswith(_DATA_DIRECTORIES):
                    deeper += sorted(children)
                for entry in entries:
                    # A key may also be a prefix of other keys; then it counts as a directory.
                    if entry.type == fs.FileType.File and entry.path not in children:
                        yield entry
            level = deeper


def _is_directory(entry: fs.FileInfo) -> bool:
    return bool(entry.type == fs.FileType.Directory)


def _entries(filesystem: fs.FileSystem, directory: str) -> list[fs.FileInfo]:
    selector = fs.FileSelector(directory, allow_not_found=True)
    return sorted(filesystem.get_file_info(selector), key=lambda entry: entry.path)


def _stand_in(runs: StoredRuns, entry: fs.FileInfo, records: Collection[str]) -> bool:
    """Creates the stand-in of a file; returns False if its name does not work on this machine."""
    try:
        path = object_stores.below(runs.path, entry.path.removeprefix(f"{runs.root}/"))
    except ValueError:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name in records and 0 < entry.size <= _MAX_RECORD_BYTES:
        try:
            object_stores.download(runs.filesystem, entry.path, path, entry.size)
        except FileNotFoundError:  # the run was just deleted
            return False
    else:
        path.touch()
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))
    return True
