"""Runs both models on the same rows, and decides whether their answers agree well enough."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headrace_components.contract.errors import InputError
from headrace_components.tflite_converter import scores
from headrace_components.tflite_converter.differences import Difference
from headrace_components.tflite_converter.params import TFLiteConverterParams
from headrace_components.tflite_converter.rows import SignatureRows
from headrace_components.tflite_converter.runners import SavedModelRunner, TFLiteRunner
from headrace_components.tflite_converter.signature import Signature


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedMetric:
    """A metric of both models.

    Attributes:
        before: Its value for the SavedModel.
        after: Its value for the TF Lite model.
        loss: By how much it became worse, in its unit.
    """

    before: float
    after: float
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelDifferences:
    """The differences between the answers of the models.

    Attributes:
        num_rows: Rows that both answered.
        differences: By output of the signature.
        metrics: By name; empty without a label.
    """

    num_rows: int
    differences: Mapping[str, Difference]
    metrics: Mapping[str, ComparedMetric] = field(default_factory=dict)


def compare(
    before: SavedModelRunner,
    after: TFLiteRunner,
    rows: SignatureRows,
    prediction_key: str,
    params: TFLiteConverterParams,
) -> ModelDifferences:
    """Returns the differences of the answers to the rows of `params.splits`.

    Raises:
        InputError: The rows do not fit the signature, or metrics cannot be computed from the
            outputs.
        NotRunnableError: The interpreter failed.
    """
    differences: dict[str, Difference] = {}
    kept: list[tuple[Any, Any, Any]] = []
    num_rows = 0
    for split in params.splits:
        for batch in rows.batches(split, params.num_check_rows):
            expected = before.answer(batch.inputs, batch.num_rows)
            actual = after.answer(batch.inputs, batch.num_rows)
            for name, array in expected.items():
                differences.setdefault(name, Difference()).add(array, actual[name])
            if prediction_key:
                kept.append((batch.labels, expected[prediction_key], actual[prediction_key]))
            num_rows += batch.num_rows
    metrics = _metrics(kept, prediction_key, params) if kept else {}
    return ModelDifferences(num_rows=num_rows, differences=differences, metrics=metrics)


def prediction_output(signature: Signature, params: TFLiteConverterParams) -> str:
    """Returns the output for metrics; empty if there are no metrics to compute.

    Raises:
        InputError: `prediction_key` is not an output of floats, or is needed and missing.
    """
    if not params.label_key:
        return ""
    floats = sorted(name for name, dtype in signature.outputs.items() if dtype.is_floating)
    if not params.prediction_key and len(floats) == 1:
        return floats[0]
    if params.prediction_key not in floats:
        raise InputError(
            f"`prediction_key` is {params.prediction_key!r}, expected one of the "
            f"outputs of floats of signature {signature.name!r}: {floats}. Name the one that "
            "predicts the label."
        )
    return params.prediction_key


def failures(comparison: ModelDifferences, params: TFLiteConverterParams) -> Iterator[str]:
    """Yields everything that exceeds its limit, in a few words each."""
    for name, difference in comparison.differences.items():
        relative, agreement = difference.relative, difference.agreement
        if relative is not None and not relative <= params.max_relative_difference:
            yield (
                f"the answers in {name!r} differ by {relative:.4g} standard deviations, allowed "
                f"are {params.max_relative_difference:g}"
            )
        if agreement is not None and not agreement >= params.min_agreement:
            yield (
                f"the answers in {name!r} agree in {agreement:.4g} of the rows, required are "
                f"{params.min_agreement:g}"
            )
    for name, allowed in params.max_metric_loss.items():
        metric = comparison.metrics[name]
        if not metric.loss <= allowed:
            yield (
                f"{name} went from {metric.before:.6g} to {metric.after:.6g}, allowed is a loss of "
                f"{allowed:g}"
            )


def _metrics(
    kept: list[tuple[Any, Any, Any]], prediction_key: str, params: TFLiteConverterParams
) -> dict[str, ComparedMetric]:
    labels, before, after = (
        np.concatenate([part[place] for part in kept]).astype(np.float64) for place in range(3)
    )
    if before.ndim > 2:
        raise InputError(
            f"output {prediction_key!r} has shape {before.shape[1:]} a row, "
            "expected a number or a score per class to compare with the label. Name another in "
            "`prediction_key`, or leave `label_key` out."
        )
    before, after = before.reshape(len(labels), -1), after.reshape(len(labels), -1)
    names = dict.fromkeys([*scores.metric_names(labels, before), *params.max_metric_loss])
    found = {}
    for name in names:
        values = [scores.score(name, labels, predictions) for predictions in (before, after)]
        found[name] = ComparedMetric(
            before=values[0], after=values[1], loss=scores.loss(name, *values)
        )
    return found
