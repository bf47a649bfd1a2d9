"""Files in object stores, through pyarrow: `gs://`, `s3://` and `minio://`.

`gs://` is opened with Google's default credentials. The others use the credentials that AWS's
libraries find, and the server from `s3_settings`.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyarrow import fs

from headrace_components.contract import s3_settings

SCHEMES = ("gs", "s3", "minio")

_COPY_BYTES = 8 << 20
_THREADS = 8
_RETRY_SECONDS = 60
# The maximum length of a name in file systems. A key in a store may be longer.
_MAX_NAME_BYTES = 255


def open_store(uri: str) -> tuple[fs.FileSystem, str]:
    """Returns the file system of a URI, and the path in it, which is not percent-encoded.

    Raises:
        OSError: The scheme is another one, or the bucket does not exist at AWS.
    """
    scheme, _, path = uri.partition("://")
    if scheme == "gs":
        return _cloud_storage(), path
    if scheme in ("s3", "minio"):
        return _s3(scheme, path.partition("/")[0]), path
    raise OSError(f"the scheme of {uri!r} is not one of {list(SCHEMES)}")


def upload(file: Path, filesystem: fs.FileSystem, target: str) -> None:
    """Copies a file into a store, unchanged."""
    # By default, pyarrow compresses files with a suffix such as .gz.
    with (
        file.open("rb") as source,
        filesystem.open_output_stream(target, compression=None) as sink,
    ):
        shutil.copyfileobj(source, sink, _COPY_BYTES)


def download(filesystem: fs.FileSystem, source: str, target: Path, size: int) -> None:
    """Copies a file from a store, unchanged.

    Args:
        filesystem: The store.
        source: The file in it.
        target: The local path; its directory is created.
        size: Expected size in bytes.

    Raises:
        OSError: The store did not return the file, or only a part of it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        filesystem.open_input_stream(source, compression=None) as stream,
        target.open("wb") as file,
    ):
        shutil.copyfileobj(stream, file, _COPY_BYTES)
    found = target.stat().st_size
    if found != size:
        raise OSError(f"{source} has {found} bytes, expected {size}")


def download_directory(filesystem: fs.FileSystem, source: str, target: Path) -> None:
    """Copies all files below a directory of a store.

    Raises:
        OSError: The store did not return a file, or only a part of it.
        ValueError: A file's name leads out of the directory, or has an empty part; nothing was
            copied.
    """
    files = files_below(filesystem, source)
    target.mkdir(parents=True, exist_ok=True)
    targets = {file.path: below(target, file.path.removeprefix(f"{source}/")) for file in files}
    sizes = {file.path: file.size for file in files}
    for_all(lambda path: download(filesystem, path, targets[path], sizes[path]), targets)


def files_below(
    filesystem: fs.FileSystem, source: str, *, allow_not_found: bool = False
) -> list[fs.FileInfo]:
    """Returns all files below a directory of a store, in no particular order.

    Raises:
        OSError: The store did not list them, or the directory does not exist and must.
        ValueError: The name of a file has an empty part, and the store cannot list such names.
    """
    selector = fs.FileSelector(source, recursive=True, allow_not_found=allow_not_found)
    try:
        entries = filesystem.get_file_info(selector)
    except OSError as error:
        # With such a name, pyarrow follows a directory of an S3 store into itself, without end.
        if endless := _own_child(filesystem, source):
            raise ValueError(f"the name {endless}//... has an empty part") from error
        raise
    return [entry for entry in entries if entry.type == fs.FileType.File]


def below(directory: Path, name: str) -> Path:
    """Returns the path of a file below a directory, by its name in a store.

    A key of a store may be any text. `a/../../b` would be a file outside of the directory.

    Raises:
        ValueError: The name leads out of the directory, or file systems do not take it.
    """
    parts = name.split("/")
    if any(
        part in ("", ".", "..") or "\0" in part or len(os.fsencode(part)) > _MAX_NAME_BYTES
        for part in parts
    ):
        raise ValueError(f"{name!r} cannot be the name of a file below a directory")
    return directory.joinpath(*parts)


def _own_child(filesystem: fs.FileSystem, source: str) -> str | None:
    """Returns the first directory that contains itself, by what the store lists; else None."""
    level = [source]
    while level:
        deeper: list[str] = []
        for directory in level:
            entries = filesystem.get_file_info(fs.FileSelector(directory))
            children = {
                entry.path.rstrip("/") for entry in entries if entry.type == fs.FileType.Directory
            }
            if directory in children:
                return directory
            deeper += children
        level = deeper
    return None


def for_all(work: Callable[[str], None], names: Iterable[str]) -> None:
    """Calls a function for every name, several at once."""
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(work, names):
            pass


def _cloud_storage() -> fs.FileSystem:
    settings: dict[str, Any] = {"retry_time_limit": timedelta(seconds=_RETRY_SECONDS)}
    # Google's own libraries read the address of an emulator from this variable.
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator:
        scheme, _, host = emulator.rpartition("://")
        settings |= {"anonymous": True, "endpoint_override": host, "scheme": scheme or "http"}
    return fs.GcsFileSystem(**settings)


def _s3(scheme: str, bucket: str) -> fs.FileSystem:
    server = s3_settings.server(scheme)
    kind, _, host = server.endpoint.rpartition("://")
    return fs.S3FileSystem(
        region=server.region or fs.resolve_s3_region(bucket),
        endpoint_override=host.rstrip("/") or None,
        scheme=kind or "https",
    )
