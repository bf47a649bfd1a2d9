"""Finds and opens files of data on local disks and in object stores."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.library.clients import object_stores
from headrace_components.library.sources.spans import FindFiles, SourceFile, local_files

_GZIP_START = b"\x1f\x8b\x08"


def check_directory(base: str) -> None:
    """Raises an InputError if `base` is a local path but not a directory."""
    if "://" not in base and not Path(base).is_dir():
        raise InputError(
            f"`input_base` is {base!r}, which is not a directory"
            f"{'' if Path(base).is_absolute() else f' in {Path.cwd()}'}. "
            "Give the directory that holds the input files."
        )


def find_files(base: str) -> FindFiles:
    """Returns the function that finds files under a directory or a URI."""
    return _remote_files if "://" in base else local_files


@contextmanager
def open_bytes(path: str) -> Iterator[pa.NativeFile]:
    """Opens a file for reading; gzip is decompressed, whatever the file's name is.

    Args:
        path: A local path, or a URI with a scheme that Arrow supports, such as `gs://bucket/key`.

    Raises:
        InputError: Arrow does not read the scheme of the URI, or the file is cut off.
        PlatformError: The storage behind the URI did not answer.
    """
    with _open(path) as start:
        is_gzip = start.read(len(_GZIP_START)) == _GZIP_START
    with _open(path) as file:
        if not is_gzip:
            yield file
            return
        with pa.CompressedInputStream(file, "gzip") as inflated:
            try:
                yield inflated
            except OSError as error:
                if error.errno is not None:  # an error of the disk, not of the content
                    raise
                raise InputError(
                    f"{path} cannot be decompressed ({error}), expected a whole "
                    "gzip file. Copy or write it again."
                ) from error


def open_random(path: str) -> pa.NativeFile:
    """Opens a file for random access; `open_bytes` opens it for sequential reading."""
    return _open(path, "open_input_file")


def _open(path: str, how: str = "open_input_stream") -> pa.NativeFile:
    if "://" not in path:
        return pa.OSFile(path, "rb")
    file_system, key = _file_system(path)
    try:
        return getattr(file_system, how)(key)
    except OSError as error:
        raise PlatformError(
            f"could not read {path}: {error}. "
            "Check that the task's service account may read it, then run again."
        ) from error


def _remote_files(base: str, pattern: str) -> list[SourceFile]:
    """Returns all files in places where the pattern may match; the caller compares the names."""
    file_system, key = _file_system(base)
    literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    folder = "/".join([key.rstrip("/"), *literal.split("/")[:-1]])
    try:
        entries = object_stores.files_below(file_system, folder, allow_not_found=True)
    except OSError as error:
        raise PlatformError(
            f"could not list {base}: {error}. "
            "Check that the task's service account may read it, then run again."
        ) from error
    except ValueError as error:
        raise InputError(
            f"could not list {base}: {error}. Rename the object, or name a directory without it."
        ) from error
    uri = base.rstrip("/")
    return [
        SourceFile(
            path=uri + entry.path.removeprefix(key.rstrip("/")),
            size_bytes=entry.size,
            modified_seconds=entry.mtime_ns // 1_000_000_000 if entry.mtime_ns else 0,
        )
        for entry in sorted(entries, key=lambda entry: entry.path)
    ]


def _file_system(uri: str) -> tuple[fs.FileSystem, str]:
    """Returns the file system of a URI, and the key within it, which is not percent-encoded."""
    scheme, _, rest = uri.partition("://")
    bucket, slash, key = rest.partition("/")
    try:
        if bucket and scheme in object_stores.SCHEMES:
            return object_stores.open_store(uri)
        # Names of objects may contain spaces, which from_uri does not accept in a URI.
        file_system, root = fs.FileSystem.from_uri(f"{scheme}://{bucket or '/'}")
    except pa.ArrowInvalid as error:
        raise InputError(
            f"{uri!r} cannot be opened: {error}. Give a path, or a URI of "
            "gs://, s3://, minio:// or file://."
        ) from error
    except OSError as error:  # S3 is asked for the bucket's region
        raise PlatformError(
            f"could not reach {uri!r}: {error}. "
            "Check the bucket's name and the network, then run again."
        ) from error
    return file_system, root.rstrip("/") + slash + key
