"""A run in the words of MLflow: parameters, metrics, tags and files."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.targets.local.shared.results import RunResult, RuntimeArtifact, TaskOutcome

RUN_ID_TAG = "headrace.run_id"

# MLflow's limits.
_MAX_VALUE = 5000
_MAX_KEY = 250

_HISTORY_FILE = "history.json"
_MAX_HISTORY_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A value of a metric.

    Attributes:
        key: Name of the metric, such as `evaluator/auc`.
        value: The number, also NaN or infinite.
        step: The epoch or step; 0 for a metric without steps.
    """

    key: str
    value: float
    step: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedRun:
    """What MLflow is told about a run when it has ended.

    Attributes:
        status: `FINISHED`, `FAILED` or `KILLED`.
        metrics: Headline metrics, and the curves of trainings.
        tags: Verdicts, and where models are and were pushed to.
        files: Reports, as paths on this machine, by their place in the run.
        models: Directories of models, by their place in the run.
    """

    status: str
    metrics: list[Point] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    models: Mapping[str, Path] = field(default_factory=dict)


def parameters_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Returns the parameters of a run as MLflow's; long values are cut."""
    return {
        key_of(name): (value if isinstance(value, str) else json.dumps(value))[:_MAX_VALUE]
        for name, value in sorted(values.items())
    }


def logged(result: RunResult) -> LoggedRun:
    """Returns what MLflow is told about a run."""
    summary = result.summary
    points = []
    for metric in summary.metrics:
        key = key_of(f"{metric.task}/{metric.name}")
        points.append(Point(key=key, value=metric.value))
        if metric.baseline is not None:
            points.append(Point(key=f"{key}_baseline", value=metric.baseline))
    tags = {}
    if summary.verdicts:
        tags["headrace.verdict"] = "good" if summary.is_good else "bad"
    for verdict in summary.verdicts:
        words = ": ".join(filter(None, [verdict.text, "; ".join(verdict.reasons)]))
        key = key_of(f"headrace.verdict.{verdict.task}")
        tags[key] = "; ".join(filter(None, [tags.get(key), words]))[:_MAX_VALUE]
    files: dict[str, Path] = {}
    models: dict[str, Path] = {}
    for task, artifact in _artifacts(result):
        kind = artifact.type.rpartition(".")[2]
        path = Path(artifact.uri)
        place = f"{_place(task.name)}/{_place(artifact.port or 'output')}"
        if kind == "HTML" and path.is_file():
            files[f"reports/{place}.html"] = path
        elif kind in ("Model", "TrainedModel") and artifact.port and path.is_dir():
            tags[key_of(f"headrace.model.{task.name}")] = artifact.uri[:_MAX_VALUE]
            models[f"models/{place}"] = path
        elif kind == "PushedModel" and artifact.metadata.get("pushed"):
            where = str(artifact.metadata.get("pushed_destination", ""))
            tags[key_of(f"headrace.pushed.{task.name}")] = where[:_MAX_VALUE]
        elif kind == "Metrics" and (path / _HISTORY_FILE).is_file():
            points += _curves(task.name, path / _HISTORY_FILE)
    status = {"succeeded": "FINISHED", "failed": "FAILED"}.get(result.state, "KILLED")
    return LoggedRun(status=status, metrics=points, tags=tags, files=files, models=models)


def key_of(text: str) -> str:
    """Returns a name that every MLflow takes: letters, digits and `_-. /`."""
    return re.sub(r"[^\w\-./ ]", "_", text, flags=re.ASCII).strip("/. ")[:_MAX_KEY] or "_"


def _place(text: str) -> str:
    return re.sub(r"[^\w\-.]", "-", text, flags=re.ASCII).lstrip(".") or "-"


def _artifacts(result: RunResult) -> Iterator[tuple[TaskOutcome, RuntimeArtifact]]:
    for task in result.tasks:
        for found in task.artifacts.values():
            for artifact in found:
                # What a task found in an earlier run belongs to that run.
                if "found" not in artifact.metadata:
                    yield task, artifact


def _curves(task: str, file: Path) -> Iterator[Point]:
    """Yields the values of a training by epoch, or by step if it has no epochs."""
    if file.stat().st_size > _MAX_HISTORY_BYTES:
        return
    try:
        for name, points in json.loads(file.read_text("utf-8")).items():
            for step, value in points:
                yield Point(key=key_of(f"{task}/curves/{name}"), value=float(value), step=int(step))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return
