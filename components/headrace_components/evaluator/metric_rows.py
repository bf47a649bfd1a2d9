"""Reads metrics per slice from an evaluation: candidate beside baseline, the worst slice first."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib

from headrace_components.evaluator import results

ALL_ROWS = "all rows"
EVERY_SLICE = "every slice"

Side = Literal["candidate", "baseline", "change"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One metric on one slice; None means not computed.

    Attributes:
        candidate: Its value for the candidate.
        baseline: Its value for the baseline.
        change: Candidate less baseline.
        interval: The 95 % confidence interval of the candidate's value, if TFMA computed it.
    """

    candidate: float | None = None
    baseline: float | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceScores:
    """All metrics on one slice.

    Attributes:
        name: The slice, such as `carrier=AA`.
        scores: By the metric's name.
    """

    name: str
    scores: Mapping[str, Score]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredRows:
    """A threshold.

    Attributes:
        metric: Name of its metric.
        column: Name of its value in the log, with model and change.
        side: Whether it is for the candidate's value or for the change.
        slices: The slices it is for.
        bound: The requirement, such as `>= 0.7`.
        is_lower_better: Whether a lower value is the better one.
    """

    metric: str
    column: str
    side: Side
    slices: str
    bound: str
    is_lower_better: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricNames:
    """Distinguishes the metrics of the candidate from those of the baseline.

    Attributes:
        baselines: Names of the model specs that are baselines.
        candidates: Names of the others.
    """

    baselines: frozenset[str]
    candidates: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, config: Any) -> "MetricNames":
        """Returns the names in a `tfma.EvalConfig`."""
        specs = config.model_specs
        return cls(
            baselines=frozenset(spec.name for spec in specs if spec.is_baseline),
            candidates=frozenset(spec.name for spec in specs if not spec.is_baseline),
        )

    def metric(self, key: Any) -> str:
        """Returns the common name of a metric of candidate and baseline, such as `auc`."""
        name = metric_part(key)
        if len(self.candidates) > 1 and key.model_name in self.candidates:
            return f"{name} [{key.model_name}]"
        return name

    def side(self, key: Any) -> Side:
        """Returns whether the value is of the candidate, of the baseline, or a change."""
        # Plots have no change.
        if getattr(key, "is_diff", False):
            return "change"
        return "baseline" if key.model_name in self.baselines else "candidate"


def slice_scores(config: Any, output: Path) -> list[SliceScores]:
    """Returns the metrics per slice, worst first if a threshold shows which direction is worse."""
    names = MetricNames.of(config)
    found = [
        SliceScores(name=slice_name(message.slice_key), scores=_scores(message, names))
        for message in results.metrics_of(output)
        if not message.HasField("cross_slice_key")
    ]
    leading = leading_requirement(config)
    if leading is None:
        return found
    return sorted(found, key=lambda part: _badness_of(part, leading))


def requirements(config: Any) -> list[RequiredRows]:
    """Returns the thresholds on the candidate, in the author's order."""
    names = MetricNames.of(config)
    thresholds = metric_specs.metric_thresholds_from_metrics_specs(
        config.metrics_specs, eval_config=config
    )
    return [
        RequiredRows(
            metric=names.metric(key.to_proto()),
            column=metric_name(key.to_proto()),
            side=names.side(key.to_proto()),
            slices=spec_name(spec),
            bound=_limits_of(limit),
            is_lower_better=_is_lower_better(limit),
        )
        for key, limits in thresholds.items()
        if key.model_name not in names.baselines
        for spec, limit in limits
    ]


def leading_requirement(config: Any) -> RequiredRows | None:
    """Returns the first threshold; slices are compared by its metric."""
    return next(iter(requirements(config)), None)


def badness(value: float, *, is_lower_better: bool) -> tuple[int, float]:
    """Returns a key that sorts the worst value first, and missing values last."""
    if math.isnan(value):
        return (1, 0.0)
    return (0, -value if is_lower_better else value)


def metric_name(key: Any) -> str:
    """Names a metric, such as `auc`, with its model, output, class and weighting."""
    model = f"[{key.model_name}]" if key.model_name and key.model_name != "candidate" else ""
    return metric_part(key, model) + (" change" if key.is_diff else "")


def metric_part(key: Any, model: str = "") -> str:
    """Names a metric or a plot with the output, class and weighting it is about."""
    parts = [key.name, model]
    if key.output_name:
        parts.append(f"/{key.output_name}")
    for number, value in key.sub_key.ListFields():
        parts.append(f" {number.name} {value.value}")
    # The key of a plot has no aggregation.
    for kind, _ in key.aggregation_type.ListFields() if hasattr(key, "aggregation_type") else ():
        parts.append(f" {kind.name}")
    if key.example_weighted.value:
        parts.append(" weighted")
    return "".join(parts)


def published_name(metric: str) -> str:
    """Returns the name of a metric in the output `metrics`, which every backend accepts."""
    return re.sub(r"\W+", "_", metric).strip("_")


def slice_name(slice_key: Any) -> str:
    """Names a slice, such as `carrier=AA, origin=JFK`."""
    key = slicer_lib.deserialize_slice_key(slice_key)
    return ", ".join(f"{name}={value}" for name, value in key) or ALL_ROWS


def cross_slice_name(key: Any) -> str:
    """Names a slice and the one that it is compared with, such as `carrier=AA against all rows`."""
    compared, baseline = key.comparison_slice_key, key.baseline_slice_key
    return f"{slice_name(compared)} against {slice_name(baseline)}"


def spec_name(spec: Any) -> str:
    """Names the slices that a threshold is for; without a spec it is for each slice."""
    if spec is None:
        return EVERY_SLICE
    if not isinstance(spec, config_pb2.SlicingSpec):
        compared = " or ".join(map(spec_name, spec.slicing_specs))
        return f"{compared} against {spec_name(spec.baseline_spec)}"
    values = [f"{name}={value}" for name, value in sorted(spec.feature_values.items())]
    return ", ".join([*(f"{name}=*" for name in spec.feature_keys), *values]) or ALL_ROWS


def is_made(spec: Any, config: Any) -> bool:
    """Returns whether a `tfma.EvalConfig` computes the slices of a threshold, if they have rows.

    Args:
        spec: A `SlicingSpec` or a `CrossSlicingSpec`.
        config: The `EvalConfig`, with its defaults.
    """
    if isinstance(spec, config_pb2.SlicingSpec):
        made_specs = config.slicing_specs or [config_pb2.SlicingSpec()]
        return any(_makes(made, spec) for made in made_specs)
    return any(
        _makes(made.baseline_spec, spec.baseline_spec)
        and any(_makes(a, b) for a in made.slicing_specs for b in spec.slicing_specs)
        for made in config.cross_slicing_specs
    )


def _makes(made: Any, wanted: Any) -> bool:
    if made.slice_keys_sql:
        return True  # this depends on the rows
    names = {*made.feature_keys, *made.feature_values}
    return names == {*wanted.feature_keys, *wanted.feature_values} and all(
        wanted.feature_values.get(name, value) == value
        for name, value in made.feature_values.items()
    )


def bound(threshold: Any) -> str:
    """Returns the requirement of a `tfma.MetricThreshold`, such as `>= 0.7`."""
    if threshold.HasField("value_threshold"):
        return _limits_of(threshold.value_threshold)
    return f"a change {_limits_of(threshold.change_threshold)}"


def _limits_of(limit: Any) -> str:
    parts = []
    if isinstance(limit, config_pb2.GenericValueThreshold):
        if limit.HasField("lower_bound"):
            parts.append(f">= {limit.lower_bound.value:g}")
        if limit.HasField("upper_bound"):
            parts.append(f"<= {limit.upper_bound.value:g}")
    else:
        sign = "<=" if _is_lower_better(limit) else ">="
        if limit.HasField("absolute"):
            parts.append(f"{sign} {limit.absolute.value:g}")
        if limit.HasField("relative"):
            parts.append(f"{sign} {limit.relative.value:g} of the baseline")
    return " and ".join(parts)


def _is_lower_better(limit: Any) -> bool:
    if isinstance(limit, config_pb2.GenericValueThreshold):
        return not limit.HasField("lower_bound")
    return bool(limit.direction == config_pb2.MetricDirection.LOWER_IS_BETTER)


def _scores(message: Any, names: MetricNames) -> dict[str, Score]:
    values: dict[str, dict[str, Any]] = {}
    for metric, side, entry in _scalars(message, names):
        fields = values.setdefault(metric, {})
        fields[side] = entry.value.double_value.value
        if side == "candidate" and entry.HasField("confidence_interval"):
            bounds = entry.confidence_interval
            low = bounds.lower_bound.double_value.value
            high = bounds.upper_bound.double_value.value
            # TFMA has no bounds for a metric that some of its samples do not have.
            if math.isfinite(low) and math.isfinite(high):
                fields["interval"] = (low, high)
    return {metric: Score(**fields) for metric, fields in values.items()}


def _scalars(message: Any, names: MetricNames) -> Iterator[tuple[str, Side, Any]]:
    for entry in message.metric_keys_and_values:
        if entry.value.WhichOneof("type") == "double_value":
            yield names.metric(entry.key), names.side(entry.key), entry


def _badness_of(part: SliceScores, leading: RequiredRows) -> tuple[int, float]:
    value = getattr(part.scores.get(leading.metric, Score()), leading.side)
    return badness(math.nan if value is None else value, is_lower_better=leading.is_lower_better)
