"""Finds the results of a pipeline's runs in the places where backends put the outputs of a task.

- On this machine: `<pipeline>/<run>/<task path>/<output>`; run.json marks the run.
- On Kubeflow: `<pipeline>/<run>/<task>/<uuid>/<output>`.
- On Vertex AI: `<project>/<job>/<task>_<id>/<output>`, beside the jobs of other pipelines.

No database is needed, so a component finds the same on every backend. Kubeflow does not mount the
store: there `stored_runs` lists the pipeline's root. Standard library only, except for
`stored_runs`.
"""

import contextlib
import importlib
import json
import logging
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact, MetadataValue, Task, local_path

# Artifacts do not contain artifacts. These directories contain most of the files.
_DATA_DIRECTORIES = ("Split-", "Columnar-", "Format-")

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
# Vertex AI names a job `<pipeline>-<time as digits>`, unless its author does.
_VERTEX_TASK = re.compile(r"(.+)_-?\d+")
_VERTEX_JOB = re.compile(r"(.+)-\d{14}")

# Stores that `stored_runs` can list.
_STORES = ("gs://", "s3://", "minio://")

# Metadata of a copied artifact: the URI of the original.
COPIED_FROM = "copied_from"

# A finished task has this file beside its outputs: on this machine, and on Vertex AI.
_LOCAL_RESULT = Path(".headrace/result.json")
_VERTEX_RESULT = "executor_output.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The origin of an artifact, derived from its path.

    Attributes:
        run: Directory of the run.
        task: Path of the task in the run, without the additions of backends to its name.
        output: Name of the output.
        is_marked: Whether the run is one of this machine, marked by its run.json.
        is_vertex: Whether the run is a job on Vertex AI.
    """

    run: Path
    task: str
    output: str
    is_marked: bool
    is_vertex: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchRoot:
    """The place to search.

    Attributes:
        path: Directory to read.
        uri: Its URI for every task of the run.
        this_run: Name of the run that searches.
        is_vertex: Whether its runs are jobs on Vertex AI.
        runs: The pattern of the names of its subdirectories.
        stored: The `StoredRuns` that `path` is a copy of, if the store is not mounted.
    """

    path: Path
    uri: str
    this_run: str
    is_vertex: bool = False
    runs: re.Pattern[str] = re.compile(r"[^.].*")
    stored: Any = None

    def uri_of(self, path: Path) -> str:
        """Returns the URI of something below `path`."""
        return f"{self.uri}/{path.relative_to(self.path).as_posix()}"

    def run_directories(self) -> list[Path]:
        """Returns the directories of the runs."""
        found = subdirectories(self.path)
        return [path for path in found if self.runs.fullmatch(path.name)]


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierOutput:
    """An artifact that a finished task left.

    Attributes:
        path: Its directory, which has at least one file.
        uri: Its URI for every task of the run.
        changed: The time of its newest file, in seconds since the epoch.
        type: Schema title; empty if the backend stores none beside it.
        metadata: Its published metadata, if the backend stores it beside the artifact.
    """

    path: Path
    uri: str
    changed: float
    type: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def mount_root() -> Path:
    """Returns the directory under which remote stores are mounted."""
    return Path(os.environ.get("HEADRACE_MOUNT_ROOT", "/"))


def place(
    component: str, search_root: str, output: Artifact, records: Collection[str] = ()
) -> SearchRoot:
    """Returns the place to search: `search_root`, or the root of the pipeline of `output`.

    Args:
        component: Name of the component, for the log.
        search_root: A directory, or a URI; empty for the root of the pipeline.
        output: An output of the task.
        records: Names of the files whose contents are needed to search.

    Raises:
        InputError: There is nothing at `search_root`.
        PlatformError: A store that is not mounted did not answer.
    """
    if not search_root:
        found = pipeline_directory(output.path, output.uri)
        return found if _is_shown(found) else _listed(component, found, records)
    origin = origin_of(output.path)
    uri = search_root.rstrip("/") if "://" in search_root else ""
    try:
        path = local_path(search_root, mount_root()).absolute()
    except ValueError as error:
        raise InputError(
            f"`search_root` is {search_root!r}, but {error}. "
            "Pass a directory, or a URI of gs://, s3:// or minio://."
        ) from error
    found = SearchRoot(
        path=path, uri=uri or str(path), this_run=origin.run.name, is_vertex=origin.is_vertex
    )
    if not _is_shown(found):
        found = _listed(component, found, records)
        if not subdirectories(found.path):
            raise InputError(
                f"`search_root` is {search_root!r}, where there is nothing. "
                "Pass a URI that holds the outputs of earlier runs."
            )
    if not found.path.is_dir():
        raise InputError(
            f"`search_root` is {search_root!r}, but there is no directory "
            f"{path}. Pass one that holds the outputs of earlier runs."
        )
    return found


def _is_shown(found: SearchRoot) -> bool:
    """Returns whether a directory shows the contents of the store, because it is mounted."""
    if found.is_vertex or not found.uri.startswith(_STORES):
        return True
    # If nothing is mounted, there is only this run, made by the launcher.
    return any(path.name != found.this_run for path in subdirectories(found.path))


def _listed(component: str, found: SearchRoot, records: Collection[str]) -> SearchRoot:
    # Import by name: only the images of components that search have the packages to open a store.
    stored_runs = importlib.import_module("headrace_components.library.runs.stored_runs")
    stored = stored_runs.list_runs(found.uri, records, component)
    return replace(found, path=stored.path, stored=stored)


def pipeline_directory(path: Path, uri: str) -> SearchRoot:
    """Returns the directory of a pipeline's runs, from the path of an artifact in one of them."""
    origin = origin_of(path)
    pipeline = origin.run.parent
    relative = path.relative_to(pipeline).as_posix()
    root = uri.rstrip("/").removesuffix(relative).rstrip("/")
    job = _VERTEX_JOB.fullmatch(origin.run.name)
    if not (job and origin.is_vertex):
        return SearchRoot(
            path=pipeline, uri=root, this_run=origin.run.name, is_vertex=origin.is_vertex
        )
    return SearchRoot(
        path=pipeline,
        uri=root,
        this_run=origin.run.name,
        is_vertex=True,
        runs=re.compile(re.escape(job[1]) + r"-\d{14}"),
    )


def origin_of(path: Path) -> Origin:
    """Returns the task and the run of an artifact at `path`."""
    marked = [parent for parent in path.parents if (parent / "run.json").is_file()]
    task = path.parent
    if marked:
        run = marked[0]
    elif _UUID.fullmatch(task.name):
        task = task.parent
        run = task.parent
    else:
        run = task.parent
    return Origin(
        run=run,
        task=_name_of(task, run),
        output=path.name,
        is_marked=bool(marked),
        is_vertex=not marked and path.parent == task and bool(_VERTEX_TASK.fullmatch(task.name)),
    )


def earlier_outputs(
    where: SearchRoot, task: str | Collection[str], output: str
) -> Iterator[tuple[Path, EarlierOutput]]:
    """Yields the artifacts `output` of finished tasks, each with the directory of its run.

    Args:
        where: The place to search.
        task: Name of the task, or its path in the run, or several spellings of it; a task of
            that name in a loop or a condition is found too. On this machine it may be the display
            name or the name of kfp, whichever the directory has.
        output: Name of the output.
    """
    wanted = (task,) if isinstance(task, str) else tuple(task)
    for run in where.run_directories():
        for name, directory in tasks(run):
            if not any(_is_named(each, wanted) for each in (name, *_other_names(directory))):
                continue
            if where.is_vertex and not (directory / _VERTEX_RESULT).is_file():
                continue  # it has not finished, or has failed
            for path in (directory / output, *(d / output for d in _attempts(directory))):
                time = changed(path)
                said = None if time is None else published(directory, output)
                if time is not None and said is not None:
                    kind, metadata = said
                    yield (
                        run,
                        EarlierOutput(
                            path=path,
                            uri=where.uri_of(path),
                            changed=time,
                            type=kind,
                            metadata=metadata,
                        ),
                    )


def spellings(task: str) -> tuple[str, ...]:
    """Returns a task's name as an author writes it, and in the form that backends use."""
    return (task, task.replace("_", "-"))


def is_one_of(artifact: Path, outputs: Collection[str]) -> bool:
    """Returns whether an artifact is one of the outputs of tasks that are named.

    Args:
        artifact: Its directory.
        outputs: Names such as `trainer/model`, or `trainer` for any output of that task.
    """
    origin = origin_of(artifact)
    names = (origin.task, *_other_names(artifact.parent))
    for each in outputs:
        task, _, output = each.partition("/")
        if output in ("", origin.output) and any(_is_named(n, spellings(task)) for n in names):
            return True
    return False


def publish(
    task: Task,
    key: str,
    where: SearchRoot,
    found: tuple[Path, str],
    metadata: Mapping[str, MetadataValue],
    schema_title: str = "",
) -> None:
    """Publishes the found artifact as an output, without a copy if the backend can refer to it.

    A copy has the URI of the original in its metadata `copied_from`.

    Args:
        task: The task.
        key: Name of the output port.
        where: The place where it was found.
        found: The artifact's location, as a path and as a URI.
        metadata: Its metadata.
        schema_title: Its type, if the port accepts any type; empty keeps the port's type.

    Raises:
        PlatformError: The store did not return a file.
    """
    path, uri = found
    output = task.output(key)
    if _may_be_named(path, uri, output):
        task.redirect(key, uri, metadata, schema_title)
        return
    if where.stored is None:
        shutil.copytree(path, output.path, dirs_exist_ok=True)
    else:
        where.stored.download(path, output.path)
    task.redirect(key, output.uri, {**metadata, COPIED_FROM: uri}, schema_title)


def local_copy(where: SearchRoot, path: Path) -> Path:
    """Returns a directory with the files of a found artifact: `path`, if it has them.

    Raises:
        PlatformError: The store did not return a file.
    """
    if where.stored is None or not path.is_relative_to(where.path):
        return path
    copy = Path(f"{path}.files")
    where.stored.download(path, copy)
    return copy


def _may_be_named(path: Path, uri: str, output: Artifact) -> bool:
    """Returns whether the backend accepts the URI of the found artifact as that of an output."""
    origin = origin_of(output.path)
    if "://" in output.uri:
        # Kubeflow's launcher only accepts URIs of this run; see `KeyFromURI` of its objectstore. On
        # Vertex AI, URIs in a directory that may be mounted anywhere are unknown.
        return origin.is_vertex and "://" in uri
    # On this machine it must be below the root that contains the pipelines' directories.
    root = origin.run.parent.parent
    return not origin.is_marked or path.resolve().is_relative_to(root.resolve())


def tasks(run: Path) -> Iterator[tuple[str, Path]]:
    """Yields path and directory of the tasks of a run, also of loops and conditions."""
    directories = sorted(subdirectories(run), reverse=True)
    while directories:
        directory = directories.pop()
        if not may_hold_artifacts(directory.name):
            continue
        yield _name_of(directory, run), directory
        is_task = (directory / ".headrace").is_dir() or (directory / _VERTEX_RESULT).is_file()
        if not is_task and not _attempts(directory):
            directories += sorted(subdirectories(directory), reverse=True)


def may_hold_artifacts(name: str) -> bool:
    """Returns whether a directory of that name may be, or contain, one of a task's outputs."""
    # A name that starts with a dot is a task that has not finished.
    return not name.startswith((".", *_DATA_DIRECTORIES))


def subdirectories(folder: Path) -> list[Path]:
    """Returns the directories in a directory; empty if it was removed with its run."""
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _name_of(directory: Path, run: Path) -> str:
    task = directory.relative_to(run).as_posix()
    vertex = None if (directory / ".headrace").is_dir() else _VERTEX_TASK.fullmatch(task)
    return vertex[1] if vertex else task


def _is_named(name: str, wanted: tuple[str, ...]) -> bool:
    return name in wanted or name.endswith(tuple(f"/{task}" for task in wanted))


def _other_names(task: Path) -> list[str]:
    """Returns what a task is called besides the name of its directory."""
    try:
        found = json.loads((task / _LOCAL_RESULT).read_text("utf-8")).get("names", ())
    except (OSError, ValueError, AttributeError, RecursionError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _attempts(task: Path) -> list[Path]:
    return [path for path in subdirectories(task) if _UUID.fullmatch(path.name)]


def changed(artifact: Path) -> float | None:
    """Returns the time of the newest file of an artifact, in seconds since the epoch, or None."""
    times = []
    for folder, _, names in os.walk(artifact):
        for name in names:
            # Another process may delete the artifact meanwhile, and a link may lead nowhere.
            with contextlib.suppress(FileNotFoundError):
                times.append((Path(folder) / name).stat().st_mtime)
    return max(times, default=None)


def published(task: Path, output: str) -> tuple[str, dict[str, Any]] | None:
    """Returns schema title and metadata of an output, if a backend keeps them beside it.

    Returns None if they are damaged, because one damaged task must not stop every later run.
    """
    for file in (task / _LOCAL_RESULT, task / _VERTEX_RESULT):
        if not file.is_file():
            continue
        try:
            found = json.loads(file.read_text("utf-8")).get("artifacts", {}).get(output, ())
            # On this machine it is a list of artifacts; an ExecutorOutput has the list in an
            # object.
            entries = found.get("artifacts", ()) if isinstance(found, dict) else found
            if entries:
                kind = entries[0].get("type", "")
                metadata = dict(entries[0].get("metadata", {}))
                return kind if isinstance(kind, str) else "", metadata
        except (ValueError, AttributeError, TypeError, LookupError, RecursionError) as error:
            logging.warning("Passing over %s: %s is damaged (%s).", task, file, error)
            return None
    return "", {}
