"""Decides whether a model is blessed, says why not, and shows the metrics."""

import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib

from headrace_components.evaluator import results
from headrace_components.evaluator.eval_config import CheckedConfig
from headrace_components.task import Artifact

_MAX_LINES = 20
_MAX_COLUMNS = 6
_MAX_FAILURES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether the model passed.

    Attributes:
        is_blessed: Whether it did.
        reason: Why not, in one line: metric, slice, value and bound. Empty where it passed.
    """

    is_blessed: bool
    reason: str = ""


def verdict_of(checked: CheckedConfig, output: Path) -> Verdict:
    """Returns the verdict on an evaluation that has been written.

    A gate that checks nothing stays shut: without any threshold a model is not blessed. Where there
    are change thresholds alone and no baseline, there is nothing to be worse than, and it passes.
    """
    if not checked.has_thresholds:
        return Verdict(
            is_blessed=False,
            reason="`eval_config` sets no thresholds, so nothing was required of the model. Set "
            "one in `metrics_specs`, or leave the blessing input of `pusher` unconnected",
        )
    validation = results.validation_result(output)
    if validation.validation_ok:
        return Verdict(is_blessed=True)
    failures = list(_failures(validation))
    more = f"; and {len(failures) - _MAX_FAILURES} more" if len(failures) > _MAX_FAILURES else ""
    return Verdict(is_blessed=False, reason="; ".join(failures[:_MAX_FAILURES]) + more)


def write_blessing(
    blessing: Artifact, verdict: Verdict, candidate: Artifact | None, baseline: Artifact | None
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
    logging.info("evaluator: %s%s", name, f": {verdict.reason}" if verdict.reason else ".")


def log_summary(config: Any, output: Path) -> None:
    """Logs the metrics per slice, the worst slice by the first threshold's metric first."""
    rows = [
        (_slice_name(message.slice_key), _scalars(message))
        for message in results.metrics_of(output)
        if not message.HasField("cross_slice_key")
    ]
    leading, is_lower_better = _leading_metric(config)
    names = {name for _, values in rows for name in values}
    # The threshold's own first; those of the candidate before the baseline's and the changes.
    columns = sorted(names, key=lambda name: (name != leading, "[" in name, " " in name, name))
    if leading in columns:
        rows.sort(key=lambda row: _badness(row[1].get(leading, math.nan), is_lower_better))
    for line in _table(rows[:_MAX_LINES], columns[:_MAX_COLUMNS]):
        logging.info("evaluator: %s", line)
    if len(rows) > _MAX_LINES:
        logging.info("evaluator: ... and %d more slices", len(rows) - _MAX_LINES)


def _failures(validation: Any) -> Iterator[str]:
    for part in validation.metric_validations_per_slice:
        where = _slice_name(part.slice_key) if part.HasField("slice_key") else "a cross slice"
        for failure in part.failures:
            yield _failure(failure, where)
    for spec in (*validation.missing_slices, *validation.missing_cross_slices):
        yield f"no row is in the slice {_spec_name(spec)}, for which there is a threshold"
    if validation.missing_thresholds:
        yield "no threshold was checked"


def _failure(failure: Any, where: str) -> str:
    name = _metric_name(failure.metric_key)
    value = failure.metric_value.double_value.value
    has_value = failure.metric_value.WhichOneof("type") is not None
    bound = _bound(failure.metric_threshold)
    if not has_value:
        return f"{name} on {where} was not computed, required {bound}"
    return f"{name} on {where} is {value:.6g}, required {bound}"


def _bound(threshold: Any) -> str:
    if threshold.HasField("value_threshold"):
        limits = threshold.value_threshold
        parts = []
        if limits.HasField("lower_bound"):
            parts.append(f">= {limits.lower_bound.value:g}")
        if limits.HasField("upper_bound"):
            parts.append(f"<= {limits.upper_bound.value:g}")
        return " and ".join(parts)
    change = threshold.change_threshold
    sign = "<=" if _is_lower_better(change) else ">="
    parts = []
    if change.HasField("absolute"):
        parts.append(f"{sign} {change.absolute.value:g}")
    if change.HasField("relative"):
        parts.append(f"{sign} {change.relative.value:g} of the baseline")
    return f"a change {' and '.join(parts)}"


def _is_lower_better(change: Any) -> bool:
    return bool(change.direction == config_pb2.MetricDirection.LOWER_IS_BETTER)


def _leading_metric(config: Any) -> tuple[str, bool]:
    """Returns the column of the first threshold's metric, and whether lower is better there."""
    thresholds = metric_specs.metric_thresholds_from_metrics_specs(
        config.metrics_specs, eval_config=config
    )
    baselines = {spec.name for spec in config.model_specs if spec.is_baseline}
    for key, limits in thresholds.items():
        if key.model_name in baselines:
            continue
        _, limit = next(iter(limits))
        if isinstance(limit, config_pb2.GenericChangeThreshold):
            return _metric_name(key.to_proto()), _is_lower_better(limit)
        return _metric_name(key.to_proto()), not limit.HasField("lower_bound")
    return "", False


def _badness(value: float, is_lower_better: bool) -> tuple[int, float]:
    if math.isnan(value):
        return (1, 0.0)
    return (0, -value if is_lower_better else value)


def _scalars(message: Any) -> dict[str, float]:
    return {
        _metric_name(entry.key): entry.value.double_value.value
        for entry in message.metric_keys_and_values
        if entry.value.WhichOneof("type") == "double_value"
    }


def _metric_name(key: Any) -> str:
    """Names a metric as `auc`, with the model, output, class and weighting it is about."""
    parts = [key.name]
    if key.model_name and key.model_name != "candidate":
        parts.append(f"[{key.model_name}]")
    if key.output_name:
        parts.append(f"/{key.output_name}")
    for field, value in key.sub_key.ListFields():
        parts.append(f" {field.name} {value.value}")
    for field, _ in key.aggregation_type.ListFields():
        parts.append(f" {field.name}")
    if key.example_weighted.value:
        parts.append(" weighted")
    return "".join(parts) + (" change" if key.is_diff else "")


def _slice_name(slice_key: Any) -> str:
    key = slicer_lib.deserialize_slice_key(slice_key)
    return ", ".join(f"{name}={value}" for name, value in key) or "all rows"


def _spec_name(spec: Any) -> str:
    return " ".join(str(spec).split()) or "all rows"


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
