"""Finds and opens CSV files on local disks and behind URIs."""

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from headrace_components.csv_example_gen.spans import FindFiles, SourceFile, local_files
from headrace_components.errors import PlatformError
from headrace_components.task import local_path

_GZIP_START = b"\x1f\x8b\x08"


def local_base(input_base: str) -> str:
    """Returns a `file://` URI as a path, and a path or another URI as it is."""
    return str(local_path(input_base)) if input_base.startswith("file://") else input_base


def find_files(input_base: str) -> FindFiles:
    """Returns how to look for files under a directory or a URI."""
    return _remote_files if "://" in input_base else local_files


@contextmanager
def open_bytes(path: str) -> Iterator[pa.NativeFile]:
    """Opens a file for reading; gzip is decompressed, whatever the file's name is.

    Raises:
        PlatformError: The storage behind the URI did not answer.
    """
    opener = _remote_opener(path) if "://" in path else lambda: pa.OSFile(path, "rb")
    with opener() as start:
        is_gzip = start.read(len(_GZIP_START)) == _GZIP_START
    with opener() as file:
        if not is_gzip:
            yield file
            return
        with pa.CompressedInputStream(file, "gzip") as inflated:
            yield inflated


def _remote_files(pattern: str) -> list[SourceFile]:
    import fsspec  # imported here: local files need none of it

    scheme = pattern.split("://")[0]
    try:
        file_system, path = fsspec.core.url_to_fs(pattern)
        entries = file_system.glob(path, detail=True)
    except (OSError, ImportError, ValueError) as error:
        raise PlatformError(
            f"csv_example_gen: could not list {pattern!r}: {error}. Check that the task's service "
            f"account may read it and that the image has fsspec's package for {scheme}://."
        ) from error
    return [
        SourceFile(
            path=f"{scheme}://{name.removeprefix(scheme + '://').lstrip('/')}",
            size_bytes=entry["size"],
            modified_seconds=_modified_seconds(entry),
        )
        for name, entry in sorted(entries.items())
        if entry["type"] == "file"
    ]


def _modified_seconds(entry: dict[str, Any]) -> int:
    # Each file system has its own name for it: local, Cloud Storage, S3 and memory.
    for name in ("mtime", "updated", "LastModified", "created"):
        value = entry.get(name)
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value)
        if isinstance(value, datetime.datetime):
            value = value.timestamp()
        if value is not None:
            return int(value)
    return 0


def _remote_opener(uri: str) -> Callable[[], pa.NativeFile]:
    import fsspec

    def opener() -> pa.NativeFile:
        try:
            return pa.PythonFile(fsspec.open(uri, "rb").open(), mode="r")
        except (OSError, ImportError, ValueError) as error:
            raise PlatformError(
                f"csv_example_gen: could not read {uri}: {error}. "
                "Check that the task's service account may read it, then run again."
            ) from error

    return opener
