"""Stores the rows of Examples beside the artifact, so that the backend does not copy them.

KFP's launcher downloads each input artifact as a whole before a task starts, and uploads each
output. With `HEADRACE_LARGE_ARTIFACTS=reference` a task moves the rows of an Examples artifact to
`<task's directory>/_data/<output>/` in the same bucket. Only small files stay in the artifact,
together with `reference.json`:

    {"format_version": 1, "uri": "s3://bucket/.../_data/examples",
     "files": {"Split-train/data_tfrecord-00000-of-00001.gz": 1234}}

with the size of each file in bytes. A reader gets a directory with the artifact's layout; the files
of a split are fetched when they are needed. Stores are opened with pyarrow, which is in every image
that reads or writes examples.
"""

import contextlib
import errno
import hashlib
import json
import logging
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.task import REFERENCE, Artifact, Task
from headrace_components.contract.texts import one_line
from headrace_components.library.clients import object_stores

FORMAT_VERSION = 1

_DIRECTORIES = ("Split-", "Columnar-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """The location of an Examples artifact's rows.

    Attributes:
        uri: Their directory.
        files: Sizes in bytes by relative path, such as
            `Split-train/data_tfrecord-00000-of-00001.gz`.
    """

    uri: str
    files: Mapping[str, int]

    def directories(self) -> list[str]:
        """Returns the names of the directories with files, such as `Split-train`."""
        return sorted({name.partition("/")[0] for name in self.files})

    def to_json(self) -> str:
        """Returns the content of `reference.json`."""
        content = {"format_version": FORMAT_VERSION, "uri": self.uri, "files": dict(self.files)}
        return json.dumps(content, indent=1, sort_keys=True) + "\n"


def publish(task: Task) -> None:
    """Moves the rows of the task's Examples out of the artifacts, which keep references to them.

    Rows that Beam workers wrote elsewhere stay there.

    Raises:
        PlatformError: The store did not accept a file.
    """
    for artifact in task.outputs.values():
        if artifact.type.endswith(".Examples") and "://" in artifact.uri:
            _move(artifact, task.component)


def _move(artifact: Artifact, component: str) -> None:
    directories = sorted(
        path
        for path in artifact.path.iterdir()
        if path.is_dir() and path.name.startswith(_DIRECTORIES)
    )
    if not directories:
        return
    # The URI must not be below the artifact's URI, and must not begin with it, because launchers
    # list by a simple prefix.
    parent, _, name = artifact.uri.rstrip("/").rpartition("/")
    uri = f"{parent}/_data/{name}"
    files = {
        file.relative_to(artifact.path).as_posix(): file.stat().st_size
        for directory in directories
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }
    reference = Reference(uri=uri, files=files)
    started = time.monotonic()
    with _store_errors_explained(f"write the rows of `{artifact.key}` to {uri}"):
        filesystem, target = object_stores.open_store(uri)
        object_stores.for_all(
            lambda name: object_stores.upload(artifact.path / name, filesystem, f"{target}/{name}"),
            files,
        )
    (artifact.path / REFERENCE).write_text(reference.to_json(), "utf-8")
    for directory in directories:
        shutil.rmtree(directory)
    _log(component, "wrote", reference, files, started)


def read(path: Path) -> Reference | None:
    """Returns the reference in an artifact's directory, or None if the rows are in the directory.

    Raises:
        InputError: The file is of another Headrace version, or is not a reference.
    """
    file = path / REFERENCE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text("utf-8"))
        if content["format_version"] == FORMAT_VERSION:
            for name in content["files"]:
                object_stores.below(path, name)  # checks the path of each file
            return Reference(uri=content["uri"], files=content["files"])
        reason = f"its format version is {content['format_version']!r}"
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
    raise InputError(
        f"{file} is not a reference to rows of format version {FORMAT_VERSION} "
        f"({reason}). Run the component that wrote it again, with the Headrace version of this one."
    )


def resolve(task: Task) -> None:
    """Sets a local directory and the URI of the rows for inputs that are references.

    Raises:
        InputError: A reference cannot be read.
    """
    for key, artifacts in task.inputs.items():
        task.inputs[key] = tuple(_resolved(artifact) for artifact in artifacts)


def _resolved(artifact: Artifact) -> Artifact:
    reference = read(artifact.path)
    if reference is None:
        return artifact
    return replace(artifact, path=local(artifact.path), uri=reference.uri)


def local(path: Path) -> Path:
    """Returns the directory to read an artifact from: `path`, unless it has a reference.

    An artifact with a reference gets a separate directory, shared by all processes of this machine.
    It has the small files of `path`, and the directories of the rows, which `fetch` fills.

    Raises:
        InputError: The reference cannot be read.
    """
    reference = read(path)
    if reference is None:
        return path
    digest = hashlib.sha256(reference.to_json().encode()).hexdigest()[:16]
    target = Path(tempfile.gettempdir()) / f"headrace-rows-{digest}"
    if path == target:
        return path
    for name in reference.directories():
        (target / name).mkdir(parents=True, exist_ok=True)
    for file in path.iterdir():
        if file.is_file():
            partial = target / f".{file.name}.{uuid.uuid4().hex}"
            shutil.copyfile(file, partial)
            partial.replace(target / file.name)
    return target


def fetch(path: Path, directory: str, component: str) -> None:
    """Makes sure that the files of a directory, such as `Split-train`, exist.

    Args:
        path: Directory of the artifact, from `local`.
        directory: Name of a directory within it.
        component: Name of the component, for the log.

    Raises:
        InputError: The rows are no longer at the place in the reference.
        PlatformError: The store did not return a file, or only a part of it.
    """
    reference = read(path)
    if reference is None:
        return
    files = {
        name: size for name, size in reference.files.items() if name.startswith(f"{directory}/")
    }
    if not files or any((path / directory).iterdir()):
        return
    started = time.monotonic()
    partial = path / f".{directory}.{uuid.uuid4().hex}"
    what = f"read the rows at {reference.uri}/{directory}"
    try:
        with _store_errors_explained(what), _gone(what):
            filesystem, source = object_stores.open_store(reference.uri)
            object_stores.for_all(
                lambda name: object_stores.download(
                    filesystem, f"{source}/{name}", partial / name.partition("/")[2], files[name]
                ),
                files,
            )
        _publish_directory(partial, path / directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _log(component, "fetched", reference, files, started)


def _publish_directory(partial: Path, target: Path) -> None:
    try:
        partial.rename(target)
    except OSError:
        # Another process was faster, and has the same files.
        if not any(target.iterdir()):
            raise


@contextlib.contextmanager
def _store_errors_explained(what: str) -> Iterator[None]:
    """Turns the errors of a store into errors of the component."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:  # on this machine's disk; the task's runtime reports it
            raise
        raise PlatformError(
            f"could not {what}: {one_line(error)}. Check the task's "
            'account and, for an S3 server, AWS_ENDPOINT_URL; or set `large_artifacts = "copy"`.'
        ) from error


@contextlib.contextmanager
def _gone(what: str) -> Iterator[None]:
    """Raises a specific error if a file no longer exists."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(
            f"could not {what}: {one_line(error)}. They were removed, "
            "perhaps by a rule of the bucket. Run the component that made them again, with "
            "its cache off."
        ) from error


def _log(
    component: str, verb: str, reference: Reference, files: Mapping[str, int], started: float
) -> None:
    megabytes = sum(files.values()) / 1e6
    logging.info(
        "%s: %s %.1f MB in %d files at %s in %.1f s.",
        component,
        verb,
        megabytes,
        len(files),
        reference.uri,
        time.monotonic() - started,
    )
