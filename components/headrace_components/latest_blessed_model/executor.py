"""Finds the newest blessed model among the outputs of a pipeline's earlier runs.

The outputs are the record: the file of every blessing has its model and its time. No
database is needed, so the component works the same on every backend that makes the pipeline's root
visible.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, MetadataValue, Task, local_path
from headrace_components.latest_blessed_model.params import LatestBlessedModelParams
from headrace_components.latest_blessed_model.tfx_blessings import read_tfx_blessing
from headrace_components.library.runs import earlier_runs
from headrace_components.library.runs.earlier_contents import NOTHING, agreed
from headrace_components.library.runs.earlier_runs import SearchRoot, may_hold_artifacts

_GONE = float("inf")
_BLESSED = "BLESSED"

# The files with the model of a blessing: Headrace's file, and the file in TFX's evaluation.
_RECORDS = frozenset({_BLESSED, "eval_config.json"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Blessing:
    """A verdict found.

    Attributes:
        created: The time of the blessing, in seconds since the epoch.
        model_uri: The model that it is for.
        model_path: Where this process reads that model.
        path: Directory of the blessing.
    """

    created: float
    model_uri: str
    model_path: Path
    path: Path


def execute(task: Task) -> None:
    """Points `model` and `model_blessing` to the newest ones, or leaves them empty."""
    params = read(LatestBlessedModelParams, task.params, task.component)
    blessing = task.output("model_blessing")
    place = earlier_runs.place(task.component, params.search_root, blessing, _RECORDS)
    found = agreed(_newest_first(place, params), _quoted_uri, task.fingerprint)
    if found is None:
        logging.info("latest_blessed_model: there is none yet under %s.", place.uri)
        task.output("model").metadata["found"] = 0
        task.output("model_blessing").metadata["found"] = 0
        return
    blessing_uri = place.uri_of(found.path)
    logging.info("latest_blessed_model: %s, blessed by %s.", found.model_uri, blessing_uri)
    model = (found.model_path, found.model_uri)
    earlier_runs.publish(task, "model", place, model, {"found": 1})
    metadata: dict[str, MetadataValue] = {
        "found": 1,
        "blessed": 1,
        "current_model": found.model_uri,
    }
    earlier_runs.publish(task, "model_blessing", place, (found.path, blessing_uri), metadata)


def state(params: Mapping[str, Any], output: Artifact) -> str:
    """Returns the URI of the model that a task with these parameters finds.

    A later blessing of the same model changes nothing. It happens when an evaluator first uses the
    model as its baseline.

    Args:
        params: Values of the parameters, by name.
        output: An output of a task of the same run.
    """
    typed = read(LatestBlessedModelParams, params, "latest_blessed_model")
    place = earlier_runs.place("latest_blessed_model", typed.search_root, output, _RECORDS)
    found = next(_newest_first(place, typed), None)
    return NOTHING if found is None else _quoted_uri(found)


def _quoted_uri(blessing: _Blessing) -> str:
    # It comes from a file of a bucket, and backends replace texts that look like placeholders.
    return quote(blessing.model_uri, safe=":/")


def _newest_first(place: SearchRoot, params: LatestBlessedModelParams) -> Iterator[_Blessing]:
    blessings = [
        blessing
        for directory in place.run_directories()
        for file in _blessed_files(directory)
        if not params.blessings or earlier_runs.is_one_of(file.parent, params.blessings)
        if (blessing := _read(file, place)) is not None
        if not params.models or earlier_runs.is_one_of(blessing.model_path, params.models)
    ]
    # As in TFX, the newest model counts, and then its newest blessing: an older model that is
    # evaluated once more does not come back. The path decides between equal times, so that the
    # result is always the same.
    made = {path: _made(path, place) for path in {each.model_path for each in blessings}}
    blessings.sort(key=lambda each: (made[each.model_path], each.created, each.path), reverse=True)
    for blessing in blessings:
        if made[blessing.model_path] < _GONE:
            yield blessing
            continue
        logging.info(
            "latest_blessed_model: passing over %s: its model %s is gone.",
            blessing.path,
            blessing.model_uri,
        )


def _made(model: Path, place: SearchRoot) -> float:
    """Returns when a model was made; infinity for one that is gone, so that the log names it."""
    if not _is_there(model, place):
        return _GONE
    time = earlier_runs.changed(model)
    return _GONE if time is None else time


def _is_there(model: Path, place: SearchRoot) -> bool:
    # If the store is not mounted, no other path on this machine is a model.
    if place.stored is not None and not (
        model.is_relative_to(place.path) and ".." not in model.parts
    ):
        return False
    return model.is_dir() and any(model.iterdir())


def _blessed_files(directory: Path) -> Iterator[Path]:
    file = directory / _BLESSED
    subdirectories = []
    # A run may be deleted while it is searched.
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name == _BLESSED and entry.is_file():
                yield file
                return
            if entry.is_dir(follow_symlinks=False) and may_hold_artifacts(entry.name):
                subdirectories.append(Path(entry.path))
    for subdirectory in subdirectories:
        yield from _blessed_files(subdirectory)


def _read(file: Path, place: SearchRoot) -> _Blessing | None:
    try:
        is_of_tfx = file.stat().st_size == 0
        content = _of_tfx(file) if is_of_tfx else json.loads(file.read_text("utf-8"))
        uri = str(content["model"])
        return _Blessing(
            created=float(content["created"]),
            model_uri=uri,
            model_path=_path_of(uri, place),
            path=file.parent,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        logging.info(
            "latest_blessed_model: passing over %s: it does not say which model it is for (%s).",
            file,
            error,
        )
        return None


def _of_tfx(file: Path) -> dict[str, Any]:
    """Returns the data of an empty `BLESSED`: what its task published, or TFX's evaluator left."""
    said = earlier_runs.published(file.parent.parent, file.parent.name)
    model = said[1].get("current_model") if said else None
    if model:
        return {"model": model, "created": file.stat().st_mtime}
    return read_tfx_blessing(file)


def _path_of(uri: str, place: SearchRoot) -> Path:
    try:
        path = local_path(uri, earlier_runs.mount_root())
    except ValueError:
        path = Path(uri)
    # In a store that may be mounted anywhere, paths are the same below the pipeline's directory.
    _, separator, below = uri.rpartition(f"/{place.path.name}/")
    return path if path.is_dir() or not separator else place.path / below
