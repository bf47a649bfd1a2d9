"""Finds NaN and missing values, which block a blessing although no threshold is missed.

TFMA leaves predictions that are NaN out of means. Without a baseline it drops change thresholds
together with their metrics.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib

from headrace_components.evaluator import results
from headrace_components.evaluator.metric_rows import (
    MetricNames,
    metric_name,
    requirements,
    slice_name,
    spec_name,
)
from headrace_components.evaluator.survey import Survey


def predictions_at_fault(config: Any, surveys: Sequence[Survey]) -> Iterator[str]:
    """Yields texts about NaN predictions that thresholds depend on.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        surveys: The surveys of the predictions.
    """
    baselines = MetricNames.of(config).baselines
    for survey in surveys:
        values = survey.predictions
        if values is None or not values.num_nan:
            continue
        share = f"{values.num_nan} of {survey.num_rows} rows"
        if survey.model_name not in baselines:
            yield f"{_subject(config, survey)} NaN for {share}"
        elif _compares(config):
            yield f"{_subject(config, survey)} NaN for {share}, so no model can be compared with it"


def predictions_noted(config: Any, surveys: Sequence[Survey]) -> Iterator[str]:
    """Yields a sentence per model and output on predictions that are NaN or infinite."""
    for survey in surveys:
        values = survey.predictions
        for count, kind in (
            (values.num_nan, "NaN") if values else (0, ""),
            (values.num_infinite, "infinite numbers") if values else (0, ""),
        ):
            if count:
                text = f"{_subject(config, survey)} {kind} for {count} of {survey.num_rows} rows"
                yield text[0].upper() + text[1:]


def prediction_counts(config: Any, surveys: Sequence[Survey]) -> dict[str, int]:
    """Returns the number of rows with a prediction that is NaN or infinite, as metadata.

    Returns:
        `nan_predictions` and `infinite_predictions`, followed by the name of the output if the
        model has several; for the baseline they begin with `baseline_`.
    """
    baselines = MetricNames.of(config).baselines
    counts: dict[str, int] = {}
    for survey in surveys:
        if survey.predictions is None:
            continue
        before = "baseline_" if survey.model_name in baselines else ""
        behind = f"_{survey.output_name}" if survey.output_name else ""
        counts[f"{before}nan_predictions{behind}"] = survey.predictions.num_nan
        counts[f"{before}infinite_predictions{behind}"] = survey.predictions.num_infinite
    return counts


def metrics_at_fault(dropped: Sequence[tuple[Any, Any]], output: Path) -> Iterator[tuple[str, str]]:
    """Yields slices, each with a text about a metric that is NaN or missing there.

    Args:
        dropped: The metrics, and the slices that need them; None for every slice.
        output: Directory of the evaluation.
    """
    messages = [
        message for message in results.metrics_of(output) if not message.HasField("cross_slice_key")
    ]
    for key, spec in dropped:
        if isinstance(spec, config_pb2.CrossSlicingSpec):
            continue
        wanted = key.to_proto()
        there = [message for message in messages if _is_in(message, spec)]
        if not there:
            yield "", f"no row is in the slice {spec_name(spec)}, for which there is a threshold"
        for message in there:
            values = [e.value for e in message.metric_keys_and_values if e.key == wanted]
            where = slice_name(message.slice_key)
            name = f"{metric_name(wanted)} on {where}"
            if not values:
                yield where, f"{name} was not computed"
            elif _is_nan(values[0]):
                yield where, f"{name} is nan, so no later model could be compared with this one"


def _is_in(message: Any, spec: Any) -> bool:
    if spec is None:
        return True
    key = slicer_lib.deserialize_slice_key(message.slice_key)
    return bool(slicer_lib.SingleSliceSpec(spec=spec).is_slice_applicable(key))


def _is_nan(value: Any) -> bool:
    kind = value.WhichOneof("type")
    if kind == "bounded_value":
        return math.isnan(value.bounded_value.value.value)
    return kind is None or (kind == "double_value" and math.isnan(value.double_value.value))


def _subject(config: Any, survey: Survey) -> str:
    is_baseline = survey.model_name in MetricNames.of(config).baselines
    output = f" {survey.output_name!r}" if survey.output_name else ""
    if is_baseline:
        return f"output{output} of the baseline gives" if output else "the baseline predicts"
    return f"output{output} of the model gives" if output else "the model predicts"


def _compares(config: Any) -> bool:
    return any(requirement.side == "change" for requirement in requirements(config))
