"""Refuses settings of an `eval_config` that contradict each other. Standard library only.

TFMA only finds these errors when it computes metrics, and its messages describe its own code.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace_components.contract.errors import InputError

# Metrics over the examples of one query, for example the documents found for it.
_OF_QUERIES = frozenset({"MinLabelPosition", "NDCG", "QueryStatistics"})
# The classes of these metrics accept any argument, but their computations accept only these.
_ARGUMENTS_TAKEN = {
    "ConfusionMatrixPlot": ("num_thresholds", "name"),
    "MeanAbsoluteError": ("name",),
    "MeanAbsolutePercentageError": ("name",),
    "MeanSquaredError": ("name",),
    "MeanSquaredLogarithmicError": ("name",),
}
_AVERAGES = ("macro_average", "weighted_macro_average")

NOT_WHOLE = (
    "compares whole predictions, and `binarize` or `aggregate` gives it one class at a time. Move "
    "it to a metrics spec without them."
)
"""The problem of a metric such as SparseCategoricalAccuracy with these settings."""


def check_rules(config: Mapping[str, Any]) -> None:
    """Checks the metrics and slices of a config.

    Args:
        config: A `tfma.EvalConfig` in JSON form, normalized.

    Raises:
        InputError: Classes are averaged without weights, a metric of whole predictions is
            aggregated, a metric of queries has no query, or a slice names all values of a feature
            and also one value.
    """
    for number, spec in enumerate(config.get("metrics_specs") or ()):
        place = f"eval_config.metrics_specs[{number}]"
        _check_average(spec.get("aggregate") or {}, place)
        for position, metric in enumerate(spec.get("metrics") or ()):
            if not metric.get("module"):
                _check_whole(metric, spec)
                _check_query(metric, spec, f"{place}.metrics[{position}]", place)
    for place, slicing in _slicing_specs(config, "eval_config"):
        _check_slicing(slicing, place)


def check_arguments(name: str, arguments: Mapping[str, Any], place: str) -> None:
    """Refuses arguments that a metric's class accepts but its computation does not.

    Args:
        name: Name of the metric's class, from TFMA or Keras.
        arguments: Its arguments.
        place: Where it is, for messages.

    Raises:
        InputError: There is such an argument.
    """
    if name not in _ARGUMENTS_TAKEN:
        return
    taken = _ARGUMENTS_TAKEN[name]
    for argument in arguments:
        if argument not in taken:
            raise InputError(
                f"{place} gives the metric {name} the argument {argument!r}, which it "
                f"does not take; it takes {list(taken)}. Leave it out, or take another metric."
            )


def _check_average(aggregate: Mapping[str, Any], place: str) -> None:
    asked = [name for name in _AVERAGES if aggregate.get(name)]
    if asked and not aggregate.get("class_weights") and not aggregate.get("top_k_list"):
        raise InputError(
            f"{place}.aggregate has `{asked[0]}` without `class_weights`, so the "
            "classes to average over are not known. Give each class a weight, for example "
            "{'class_weights': {0: 1.0, 1: 1.0, 2: 1.0}}, or set `micro_average`."
        )


def _check_whole(metric: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    name = str(metric.get("class_name"))
    if name.startswith("Sparse") and spec.get("aggregate"):
        raise InputError(f"metric {name} {NOT_WHOLE}")


def _check_query(
    metric: Mapping[str, Any], spec: Mapping[str, Any], place: str, spec_place: str
) -> None:
    name = metric.get("class_name")
    if name in _OF_QUERIES and not spec.get("query_key"):
        raise InputError(
            f"{place} asks for the metric {name}, which is of the examples of one "
            f"query, and {spec_place} has no `query_key`. Set it to the feature that says to "
            "which query an example belongs."
        )


def _check_slicing(slicing: Mapping[str, Any], place: str) -> None:
    both = sorted(set(slicing.get("feature_keys") or ()) & set(slicing.get("feature_values") or ()))
    if both:
        raise InputError(
            f"{place} names {both[0]!r} in `feature_keys`, for a slice per value, and "
            "in `feature_values`, for the slice of one value. Keep one, or make two slicing specs."
        )
    if slicing.get("slice_keys_sql") and (
        slicing.get("feature_keys") or slicing.get("feature_values")
    ):
        raise InputError(
            f"{place} has `slice_keys_sql` beside features, and TFMA reads the SQL "
            "alone. Make two slicing specs."
        )


def _slicing_specs(value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields all slicing specs, also those of thresholds and cross slices."""
    if isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _slicing_specs(item, f"{place}[{number}]")
    elif isinstance(value, Mapping):
        if "feature_keys" in value or "feature_values" in value or "slice_keys_sql" in value:
            yield place, value
        for name, item in value.items():
            yield from _slicing_specs(item, f"{place}.{name}")
