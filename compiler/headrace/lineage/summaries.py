"""What came of a run: the verdicts and the metrics of its tasks, from their output artifacts.

It needs the metadata alone, so it is the same for a run on this machine, from its record, and for a
run of a service.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.lineage.verdicts import Verdict, verdict_on

# Suffixes of the metrics that belong to another one.
_BASELINE, _CHANGE = "_baseline", "_change"

# What backends add to metadata, and what is a verdict.
_NO_METRICS = frozenset({"blessed", "display_name", "is_external", "store_session_info"})

# Outputs by which the task with the most important metrics is known.
_FIRST_TYPES = ("ModelEvaluation", "ModelRun")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskArtifact:
    """An output artifact of a task.

    Attributes:
        task: Path of the task within the pipeline.
        port: The output port.
        type: Schema title, with or without its namespace.
        uri: Where it is.
        metadata: Its metadata.
    """

    task: str
    port: str
    type: str
    uri: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A number that a task published for people.

    Attributes:
        task: Path of the task within the pipeline.
        name: Its name, such as `auc`.
        value: The number; it is finite.
        baseline: The same of the baseline; None if there is no baseline.
    """

    task: str
    name: str
    value: float
    baseline: float | None = None

    @property
    def change(self) -> float | None:
        """How much larger the value is than that of the baseline."""
        return None if self.baseline is None else self.value - self.baseline


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """What came of a run.

    Attributes:
        verdicts: Verdicts in the order of the tasks.
        metrics: The most important first: those of evaluations, the ones with a threshold before
            the others; those of training; then all others.
    """

    verdicts: tuple[Verdict, ...] = ()
    metrics: tuple[Metric, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether no verdict needs a person."""
        return all(verdict.is_good is not False for verdict in self.verdicts)


def summary_of(artifacts: Iterable[TaskArtifact]) -> RunSummary:
    """Returns the verdicts and the metrics of a run.

    Args:
        artifacts: The outputs of its tasks, in the order of the tasks.
    """
    found = list(artifacts)
    tasks: dict[str, list[TaskArtifact]] = {}
    for each in found:
        tasks.setdefault(each.task, []).append(each)
    verdicts = (verdict_on(each.task, each.type, each.metadata) for each in found)
    return RunSummary(
        verdicts=tuple(verdict for verdict in verdicts if verdict is not None),
        metrics=tuple(
            metric for outputs in sorted(tasks.values(), key=_rank) for metric in _metrics(outputs)
        ),
    )


def _rank(outputs: Sequence[TaskArtifact]) -> int:
    types = {each.type.rpartition(".")[2] for each in outputs}
    ranks = [rank for rank, name in enumerate(_FIRST_TYPES) if name in types]
    return min(ranks, default=len(_FIRST_TYPES))


def _metrics(outputs: Sequence[TaskArtifact]) -> list[Metric]:
    """Returns the metrics of one task: those that it calls important first, then by name."""
    first = [name for each in outputs for name in _names(each.metadata.get("headline", ""))]
    places = {name: place for place, name in enumerate(first)}
    found = [
        metric
        for each in outputs
        if each.type.rpartition(".")[2] == "Metrics"
        for metric in _of_one(each.task, each.metadata)
    ]
    return sorted(found, key=lambda metric: (places.get(metric.name, len(places)), metric.name))


def _of_one(task: str, metadata: Mapping[str, Any]) -> Iterable[Metric]:
    numbers = {
        name: number
        for name, value in metadata.items()
        if name not in _NO_METRICS and (number := _number(value)) is not None
    }
    for name, value in numbers.items():
        owner = name.removesuffix(_BASELINE).removesuffix(_CHANGE)
        if owner == name or owner not in numbers:
            baseline = numbers.get(name + _BASELINE)
            yield Metric(task=task, name=name, value=value, baseline=baseline)


def _number(value: Any) -> float | None:
    """Returns metadata as a number; None for other metadata, and for what is not finite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _names(text: Any) -> list[str]:
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return []
    return [str(each) for each in found] if isinstance(found, list) else []
