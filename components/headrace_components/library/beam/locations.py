"""Reads and writes the files of workers, on this machine or by URI.

A location is a path, or a URI of a file system of Beam: gs://, s3://, hdfs:// and so on. Headrace's
readers and writers work on local files; a worker fetches a remote file before it reads it, and
publishes the files that it wrote.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from headrace_components.contract.task import Artifact
from headrace_components.library.beam.options import BeamOptions

_COPY_BYTES = 1 << 20


def location_of(artifact: Artifact, options: BeamOptions) -> str:
    """Returns the location where workers find an artifact.

    This is its path. For workers on other machines it is the URI: only this machine has the
    artifact mounted or downloaded.

    Raises:
        InputError: Workers cannot reach it.
    """
    if not options.is_remote:
        return str(artifact.path)
    location = str(artifact.path) if is_local(artifact.uri) else artifact.uri
    options.check_seen(location)
    options.check_known(location)
    return absolute(location)


def absolute(location: str) -> str:
    """Returns a path or a URI in a form for workers, which have another working directory."""
    return str(Path(location).absolute()) if is_local(location) else location


def is_local(location: str) -> bool:
    """Returns whether the location is a path of this machine."""
    return "://" not in location


def join(location: str, *names: str) -> str:
    """Returns a location within another."""
    return "/".join((location.rstrip("/"), *names))


@contextlib.contextmanager
def fetched(location: str) -> Iterator[Path]:
    """Yields a local file with the content of a location; a copy is removed afterwards."""
    if is_local(location):
        yield Path(location)
        return
    with tempfile.TemporaryDirectory(prefix="headrace-beam-") as directory:
        # Keep the name, because its suffix may show how the file is compressed.
        path = Path(directory) / location.rpartition("/")[2]
        with path.open("wb") as file, _opened(location) as remote:
            shutil.copyfileobj(remote, file, _COPY_BYTES)
        yield path


def publish(path: Path, location: str) -> None:
    """Moves a local file to a location; an existing file there is replaced."""
    if is_local(location):
        Path(location).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, location)
        return
    with path.open("rb") as file, _created(location) as remote:
        shutil.copyfileobj(file, remote, _COPY_BYTES)
    path.unlink()


def write_bytes(location: str, content: bytes) -> None:
    """Writes a small file."""
    if is_local(location):
        Path(location).parent.mkdir(parents=True, exist_ok=True)
    with _created(location) as file:
        file.write(content)


def read_bytes(location: str) -> bytes:
    """Reads a small file."""
    with _opened(location) as file:
        content: bytes = file.read()
        return content


def exists(location: str) -> bool:
    """Returns whether a file is there."""
    return bool(FileSystems.exists(location))


def names_in(location: str) -> list[str]:
    """Returns the names of the files in a directory, sorted; empty if it does not exist."""
    found = FileSystems.match([join(location, "*")])[0].metadata_list
    return sorted(file.path.rpartition("/")[2] for file in found)


def rename(sources: Sequence[str], targets: Sequence[str]) -> None:
    """Gives files other names within one file system."""
    for target in targets:
        if is_local(target):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
    if sources:
        FileSystems.rename(list(sources), list(targets))


def remove(location: str) -> None:
    """Removes a directory and its contents, if it exists."""
    if is_local(location):
        shutil.rmtree(location, ignore_errors=True)
    elif FileSystems.match([join(location, "**")])[0].metadata_list:
        FileSystems.delete(
            [f"{location}/"]
        )  # without the slash, gs:// and s3:// treat it as one object


def remove_file(location: str) -> None:
    """Removes an existing file."""
    FileSystems.delete([location])


def _opened(location: str) -> Any:
    # Read it unchanged: by default, Beam decompresses files with a suffix such as .gz.
    return FileSystems.open(location, compression_type=CompressionTypes.UNCOMPRESSED)


def _created(location: str) -> Any:
    return FileSystems.create(location, compression_type=CompressionTypes.UNCOMPRESSED)
