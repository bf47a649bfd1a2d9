"""Finds the newest blessed model among the outputs of a pipeline's earlier runs.

The outputs themselves are the record: every blessing says in its file which model it is for and
when it was given. No database is asked, so the component runs the same on every backend that
shows it the pipeline's root.
"""

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace_components.errors import InputError
from headrace_components.latest_blessed_model.params import LatestBlessedModelParams
from headrace_components.parameters import read
from headrace_components.task import Artifact, Task, local_path

_BLESSED = "BLESSED"

# Inside an artifact there are no artifacts. These hold most of a root's files.
_DATA_DIRECTORIES = ("Split-", "Columnar-", "Format-")

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
# Vertex AI writes a task's outputs to `<job id>/<task>_<number>/`, and names a job, where its
# author does not, `<pipeline>-<time as digits>`.
_VERTEX_TASK = re.compile(r".+_-?\d+")
_VERTEX_JOB = re.compile(r"(.+)-\d{14}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where to search.

    Attributes:
        path: Directory to read.
        uri: The same directory for every task of the run.
        runs: What the names of its subdirectories match.
    """

    path: Path
    uri: str
    runs: re.Pattern[str] = re.compile(r"[^.].*")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Blessing:
    """A verdict found.

    Attributes:
        created: When it was given, in seconds since the epoch.
        model_uri: The model that it is for.
        path: Directory of the blessing.
    """

    created: float
    model_uri: str
    path: Path


def execute(task: Task) -> None:
    """Points `model` and `model_blessing` at the newest that there are, or leaves them empty."""
    params = read(LatestBlessedModelParams, task.params, task.component)
    mounts = Path(os.environ.get("HEADRACE_MOUNT_ROOT", "/"))
    place = _place(params.search_root, task.output("model_blessing"), mounts)
    found = _newest(place, mounts)
    if found is None:
        logging.info("latest_blessed_model: there is none yet under %s.", place.uri)
        task.output("model").metadata["found"] = 0
        task.output("model_blessing").metadata["found"] = 0
        return
    blessing_uri = f"{place.uri}/{found.path.relative_to(place.path).as_posix()}"
    logging.info("latest_blessed_model: %s, blessed by %s.", found.model_uri, blessing_uri)
    task.redirect("model", found.model_uri, {"found": 1})
    task.redirect(
        "model_blessing",
        blessing_uri,
        {"found": 1, "blessed": 1, "current_model": found.model_uri},
    )


def _place(search_root: str, output: Artifact, mounts: Path) -> _Place:
    if not search_root:
        place = _pipeline_directory(output)
        if "://" in output.uri and len(_directories(place.path)) < 2:
            logging.warning(
                "latest_blessed_model: no run but this one is to be seen under %s. A backend that "
                "does not mount its store, as open-source KFP, shows no earlier runs: there, pass "
                "a mounted directory as `search_root`.",
                place.uri,
            )
        return place
    try:
        path = local_path(search_root, mounts).absolute()
    except ValueError as error:
        raise InputError(
            f"latest_blessed_model: `search_root` is {search_root!r}, but {error}. "
            "Pass a directory, or a gs:// URI on Vertex AI."
        ) from error
    if not path.is_dir():
        raise InputError(
            f"latest_blessed_model: `search_root` is {search_root!r}, but there is no directory "
            f"{path}. Pass one that holds the outputs of earlier runs."
        )
    uri = search_root.rstrip("/") if "://" in search_root else str(path)
    return _Place(path=path, uri=uri)


def _pipeline_directory(output: Artifact) -> _Place:
    """Returns the directory of this pipeline's runs, from where an output of one of them lies.

    `<pipeline>/<run>/<task path>/<output>`, the run marked by its run.json, on this machine;
    `<pipeline>/<run>/<task>/<uuid>/<output>` on Kubeflow; `<project>/<job>/<task>_<id>/<output>`
    on Vertex AI, where the jobs of other pipelines lie beside.
    """
    marked = [path for path in output.path.parents if (path / "run.json").is_file()]
    task_directory = output.path.parent
    if marked:
        run = marked[0]
    elif _UUID.fullmatch(task_directory.name):
        run = task_directory.parent.parent
    else:
        run = task_directory.parent
    pipeline = run.parent
    relative = output.path.relative_to(pipeline).as_posix()
    uri = output.uri.rstrip("/").removesuffix(relative).rstrip("/")
    job = _VERTEX_JOB.fullmatch(run.name)
    if not marked and job and _VERTEX_TASK.fullmatch(task_directory.name):
        siblings = re.compile(re.escape(job[1]) + r"-\d{14}")
        return _Place(path=pipeline, uri=uri, runs=siblings)
    return _Place(path=pipeline, uri=uri)


def _newest(place: _Place, mounts: Path) -> _Blessing | None:
    blessings = [
        blessing
        for directory in _directories(place.path)
        if place.runs.fullmatch(directory.name)
        for file in _blessed_files(directory)
        if (blessing := _read(file)) is not None
    ]
    # The path decides between equals, so that the answer is always the same.
    blessings.sort(key=lambda blessing: (blessing.created, blessing.path), reverse=True)
    for blessing in blessings:
        try:
            model = local_path(blessing.model_uri, mounts)
        except ValueError:
            model = Path(blessing.model_uri)
        if model.is_dir() and any(model.iterdir()):
            return blessing
        logging.info(
            "latest_blessed_model: passing over %s: its model %s is gone.",
            blessing.path,
            blessing.model_uri,
        )
    return None


def _blessed_files(directory: Path) -> Iterator[Path]:
    file = directory / _BLESSED
    subdirectories = []
    # A run may be deleted while it is searched.
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name == _BLESSED and entry.is_file():
                yield file
                return
            if entry.is_dir(follow_symlinks=False) and _may_hold_artifacts(entry.name):
                subdirectories.append(Path(entry.path))
    for subdirectory in subdirectories:
        yield from _blessed_files(subdirectory)


def _directories(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]


def _may_hold_artifacts(name: str) -> bool:
    # A name that starts with a dot is a task that has not finished.
    return not name.startswith((".", *_DATA_DIRECTORIES))


def _read(file: Path) -> _Blessing | None:
    try:
        content = json.loads(file.read_text("utf-8"))
        return _Blessing(
            created=float(content["created"]), model_uri=str(content["model"]), path=file.parent
        )
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        # TFX leaves the file empty and keeps what it is about in its database.
        logging.info(
            "latest_blessed_model: passing over %s: it does not say which model it is for (%s).",
            file,
            error,
        )
        return None
