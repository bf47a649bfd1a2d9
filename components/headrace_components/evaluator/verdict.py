"""Decides whether a model is blessed, gives the reasons, and shows the metrics."""

import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow_model_analysis.proto.config_pb2 import SlicingSpec

from headrace_components.contract.notices import announce
from headrace_components.contract.task import Artifact
from headrace_components.evaluator import results
from headrace_components.evaluator.eval_config import CheckedConfig
from headrace_components.evaluator.metric_rows import (
    badness,
    bound,
    cross_slice_name,
    is_made,
    leading_requirement,
    metric_name,
    slice_name,
    spec_name,
)
from headrace_components.evaluator.survey import Survey
from headrace_components.evaluator.unmeasured import metrics_at_fault, predictions_at_fault

_MAX_LINES = 20
_MAX_COLUMNS = 6
_MAX_FAILURES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A threshold that was missed.

    Attributes:
        slice_name: The slice; empty if it is not about a slice with rows.
        text: Metric, slice, value and bound, in a few words.
    """

    slice_name: str = ""
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVerdict:
    """The verdict on a model.

    Attributes:
        is_blessed: Whether it passed.
        reason: The first failures, in one line; empty if the model passed.
        failures: All thresholds that were missed.
    """

    is_blessed: bool
    reason: str = ""
    failures: tuple[Failure, ...] = ()


def verdict_of(
    checked: CheckedConfig, output: Path, surveys: Sequence[Survey] = ()
) -> ModelVerdict:
    """Returns the verdict on an evaluation that has been written.

    Without any threshold a model is not blessed, because nothing was checked. With only change
    thresholds and no baseline, there is nothing to compare with: the model passes if the metrics of
    these thresholds were computed. A model that predicts NaN does not pass, whatever its metrics
    are.

    Args:
        checked: The metrics and the thresholds.
        output: Directory of the evaluation.
        surveys: The surveys of the predictions.
    """
    if not checked.has_thresholds:
        return ModelVerdict(
            is_blessed=False,
            reason="`eval_config` sets no thresholds, so nothing was required of the model. Set "
            "one in `metrics_specs`, or leave the blessing input of `pusher` unconnected",
        )
    validation = results.validation_result(output)
    failures = (
        *(Failure(text=text) for text in predictions_at_fault(checked.proto, surveys)),
        *([] if validation.validation_ok else _failures(validation, checked.proto)),
        *(
            Failure(slice_name=where, text=text)
            for where, text in metrics_at_fault(checked.dropped, output)
        ),
    )
    if validation.validation_ok and not failures:
        return ModelVerdict(is_blessed=True)
    more = f"; and {len(failures) - _MAX_FAILURES} more" if len(failures) > _MAX_FAILURES else ""
    reason = "; ".join(failure.text for failure in failures[:_MAX_FAILURES]) + more
    return ModelVerdict(is_blessed=False, reason=reason, failures=failures)


def write_blessing(
    blessing: Artifact, verdict: ModelVerdict, candidate: Artifact | None, baseline: Artifact | None
) -> None:
    """Writes `BLESSED` or `NOT_BLESSED`, and the metadata that TFX gives it."""
    content = {
        "model": candidate.uri if candidate else "",
        "baseline_model": baseline.uri if baseline else "",
        "created": time.time(),
    }
    name = "BLESSED" if verdict.is_blessed else "NOT_BLESSED"
    (blessing.path / name).write_text(json.dumps(content) + "\n", "utf-8")
    blessing.metadata["blessed"] = int(verdict.is_blessed)
    for key, artifact in (("current_model", candidate), ("baseline_model", baseline)):
        if artifact is not None:
            blessing.metadata[key] = artifact.uri
            blessing.metadata[f"{key}_id"] = artifact.name
    announce("evaluator: %s%s", name, f": {verdict.reason}" if verdict.reason else ".")


def log_summary(config: Any, output: Path) -> None:
    """Logs the metrics per slice, the worst slice by the first threshold's metric first."""
    rows = [
        (slice_name(message.slice_key), _scalars(message))
        for message in results.metrics_of(output)
        if not message.HasField("cross_slice_key")
    ]
    leading = leading_requirement(config)
    names = {name for _, values in rows for name in values}
    # The threshold's own first; those of the candidate before the baseline's and the changes.
    first = leading.column if leading else ""
    columns = sorted(names, key=lambda name: (name != first, "[" in name, " " in name, name))
    if leading and first in columns:
        is_lower_better = leading.is_lower_better
        rows.sort(
            key=lambda row: badness(row[1].get(first, math.nan), is_lower_better=is_lower_better)
        )
    for line in _table(rows[:_MAX_LINES], columns[:_MAX_COLUMNS]):
        logging.info("evaluator: %s", line)
    if len(rows) > _MAX_LINES:
        logging.info("evaluator: ... and %d more slices", len(rows) - _MAX_LINES)


def _failures(validation: Any, config: Any) -> Iterator[Failure]:
    for part in validation.metric_validations_per_slice:
        is_cross = part.HasField("cross_slice_key")
        where = cross_slice_name(part.cross_slice_key) if is_cross else slice_name(part.slice_key)
        for failure in part.failures:
            yield Failure(slice_name=where, text=_failure(failure, where))
    for spec in (*validation.missing_slices, *validation.missing_cross_slices):
        name = spec_name(spec)
        if is_made(spec, config):
            text = f"no row is in the slice {name}, for which there is a threshold"
        else:
            where = "slicing_specs" if isinstance(spec, SlicingSpec) else "cross_slicing_specs"
            text = f"the slice {name} has a threshold and is not in `{where}`: add it there"
        yield Failure(text=text)
    if validation.missing_thresholds:
        yield Failure(text="no threshold was checked")


def _failure(failure: Any, where: str) -> str:
    name = metric_name(failure.metric_key)
    value = failure.metric_value.double_value.value
    has_value = failure.metric_value.WhichOneof("type") is not None
    required = bound(failure.metric_threshold)
    if not has_value:
        return f"{name} on {where} was not computed, required {required}"
    return f"{name} on {where} is {value:.6g}, required {required}"


def _scalars(message: Any) -> dict[str, float]:
    return {
        metric_name(entry.key): entry.value.double_value.value
        for entry in message.metric_keys_and_values
        if entry.value.WhichOneof("type") == "double_value"
    }


def _table(rows: Sequence[tuple[str, dict[str, float]]], columns: Sequence[str]) -> Iterator[str]:
    width = max((len(name) for name, _ in rows), default=0)
    widths = [max(len(name), 10) for name in columns]
    titles = (f"{name:>{size}}" for name, size in zip(columns, widths, strict=True))
    yield f"{'slice':<{max(width, 5)}}  {'  '.join(titles)}"
    for name, values in rows:
        cells = (
            f"{values[column]:>{size}.6g}" if column in values else " " * size
            for column, size in zip(columns, widths, strict=True)
        )
        yield f"{name:<{max(width, 5)}}  {'  '.join(cells)}".rstrip()
