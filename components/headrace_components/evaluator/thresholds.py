"""Refuses thresholds that every model meets, or that no model can meet.

TFMA accepts them: a change threshold without a direction fails every model, and one without a bound
passes every model. The configuration alone shows this, so no TensorFlow is needed.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import InputError

_DIRECTIONS = {
    "LOWER_IS_BETTER": "LOWER_IS_BETTER",
    "HIGHER_IS_BETTER": "HIGHER_IS_BETTER",
    1: "LOWER_IS_BETTER",
    2: "HIGHER_IS_BETTER",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedThreshold:
    """A threshold in a configuration.

    Attributes:
        metric: Name of its metric, or its class if it has no name.
        place: Its position, such as `eval_config.metrics_specs[0].metrics[0].threshold`.
        value: A `tfma.MetricThreshold` in JSON form.
    """

    metric: str
    place: str
    value: Mapping[str, Any]


def check_thresholds(values: Mapping[str, Any]) -> None:
    """Checks each threshold of a configuration.

    Args:
        values: A `tfma.EvalConfig` in JSON form, with field names in snake case or camel case.
            Values that are not in the form of a threshold are left to the reader of the
            configuration.

    Raises:
        InputError: A threshold requires nothing, or something that no model can meet.
    """
    for threshold in placed_thresholds(values):
        _check(threshold)


def placed_thresholds(values: Mapping[str, Any]) -> Iterator[PlacedThreshold]:
    """Yields the thresholds of a configuration: those of metrics, and those by a metric's name."""
    for number, spec in enumerate(_items(_field(values, "metrics_specs"))):
        place = f"eval_config.metrics_specs[{number}]"
        for position, metric in enumerate(_items(_field(spec, "metrics"))):
            yield from _of_metric(metric, f"{place}.metrics[{position}]")
        for name, value in _mapping(_field(spec, "thresholds")).items():
            yield from _one(value, str(name), f"{place}.thresholds[{name!r}]")
        for field in ("per_slice_thresholds", "cross_slice_thresholds"):
            for name, message in _mapping(_field(spec, field)).items():
                where = f"{place}.{field}[{name!r}].thresholds"
                yield from _of_slices(_field(message, "thresholds"), str(name), where)


def metric_name(metric: Any) -> str:
    """Returns the name of a `tfma.MetricConfig` in JSON form, or its class if it has no name."""
    class_name = str(_field(metric, "class_name") or "")
    config = _field(metric, "config")
    if not isinstance(config, str) or not config:
        return class_name
    text = config if config.lstrip().startswith("{") else "{" + config + "}"  # as in TFMA
    try:
        return str(json.loads(text).get("name") or class_name)
    except json.JSONDecodeError:
        return class_name  # refused with the metric itself


def _of_metric(metric: Any, place: str) -> Iterator[PlacedThreshold]:
    name = metric_name(metric)
    threshold = _field(metric, "threshold")
    if threshold is not None:
        yield from _one(threshold, name, f"{place}.threshold")
    for field in ("per_slice_thresholds", "cross_slice_thresholds"):
        yield from _of_slices(_field(metric, field), name, f"{place}.{field}")


def _of_slices(entries: Any, name: str, place: str) -> Iterator[PlacedThreshold]:
    for position, entry in enumerate(_items(entries)):
        where = f"{place}[{position}].threshold"
        yield from _one(_field(entry, "threshold") or {}, name, where)


def _one(value: Any, name: str, place: str) -> Iterator[PlacedThreshold]:
    if isinstance(value, Mapping):
        yield PlacedThreshold(metric=name, place=place, value=value)


def _check(threshold: PlacedThreshold) -> None:
    value = _field(threshold.value, "value_threshold")
    change = _field(threshold.value, "change_threshold")
    if value is None and change is None:
        raise _refusal(
            threshold,
            "",
            "has neither `value_threshold` nor `change_threshold`, so it requires nothing",
            "Write {'value_threshold': {'lower_bound': 0.7}}, or leave the threshold out.",
        )
    if isinstance(value, Mapping):
        _check_value(threshold, value)
    if isinstance(change, Mapping):
        _check_change(threshold, change)


def _check_value(threshold: PlacedThreshold, value: Mapping[str, Any]) -> None:
    bounds = _bounds(value, "lower_bound", "upper_bound")
    if not bounds:
        raise _refusal(
            threshold,
            ".value_threshold",
            "has neither `lower_bound` nor `upper_bound`, so every model passes",
            "Write the least value allowed as `lower_bound`, or the greatest as `upper_bound`.",
        )
    _check_numbers(threshold, ".value_threshold", bounds)
    lower, upper = bounds.get("lower_bound"), bounds.get("upper_bound")
    if lower is not None and upper is not None and lower > upper:
        raise _refusal(
            threshold,
            ".value_threshold",
            f"asks for at least {lower:g} and at most {upper:g}, so no model passes",
            "Give a `lower_bound` that is not above `upper_bound`.",
        )


def _check_change(threshold: PlacedThreshold, change: Mapping[str, Any]) -> None:
    bounds = _bounds(change, "absolute", "relative")
    direction = _field(change, "direction")
    if direction in (None, 0, "", "UNKNOWN"):
        raise _refusal(
            threshold,
            ".change_threshold",
            "has no `direction`, so no model passes",
            "Write 'direction': 'HIGHER_IS_BETTER' for a metric such as AUC, or "
            "'LOWER_IS_BETTER' for a metric such as a loss.",
        )
    if not bounds:
        name = _DIRECTIONS.get(direction, "HIGHER_IS_BETTER")
        example = "-0.01" if name == "HIGHER_IS_BETTER" else "0.01"
        raise _refusal(
            threshold,
            ".change_threshold",
            "has a `direction` and neither `absolute` nor `relative`, so every model passes, "
            "also one that is worse than the baseline",
            f"Write {{'direction': '{name}', 'absolute': {example}}} to allow a model to be "
            "worse by 0.01, or 'relative' for a share of the baseline's value.",
        )
    _check_numbers(threshold, ".change_threshold", bounds)


def _check_numbers(
    threshold: PlacedThreshold, part: str, bounds: Mapping[str, float | None]
) -> None:
    for name, bound in bounds.items():
        if bound is not None and math.isnan(bound):
            raise _refusal(
                threshold, part, f"has the `{name}` NaN, so no model passes", "Write a number."
            )


def _bounds(values: Mapping[str, Any], *names: str) -> dict[str, float | None]:
    """Returns the bounds that are given; None for one that is not a number."""
    return {name: _number(value) for name in names if (value := _field(values, name)) is not None}


def _number(value: Any) -> float | None:
    if isinstance(value, Mapping):  # the message DoubleValue, spelled out
        value = _field(value, "value")
        value = 0.0 if value is None else value
    try:
        return float(value)
    except (TypeError, ValueError):
        return None  # refused by the reader of the configuration


def _refusal(threshold: PlacedThreshold, part: str, fault: str, advice: str) -> InputError:
    return InputError(
        f"the threshold of metric {threshold.metric!r} at {threshold.place}{part} {fault}. {advice}"
    )


def _field(message: Any, name: str) -> Any:
    if not isinstance(message, Mapping):
        return None
    first, *rest = name.split("_")
    camel = first + "".join(word.capitalize() for word in rest)
    return message.get(name, message.get(camel))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
