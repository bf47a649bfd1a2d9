"""Vectorised forms of TFMA's base computations.

A kernel replaces a TFMA CombineFn. It is made once for all rows, and then returns the CombineFn's
output for the rows of a slice. TFMA's derived metrics use these unchanged. The attributes read here
are private to TFMA; tests compare every kernel with its CombineFn.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_model_analysis.metrics import calibration_histogram, metric_util
from tensorflow_model_analysis.metrics.multi_class_confusion_matrix_metrics import (
    NO_PREDICTED_CLASS_ID,
    MatrixEntryKey,
)

from headrace_components.evaluator import row_errors
from headrace_components.evaluator.extraction import Extracts
from headrace_components.evaluator.metric_inputs import (
    MetricInputs,
    Request,
    binary_examples,
    prepared,
)
from headrace_components.evaluator.row_errors import RowError

Kernel = Callable[[NDArray[np.int64]], dict[Any, Any]]
"""Returns the results of one computation, by TFMA's metric key, for the rows of a slice."""

_MakeKernel = Callable[[Any, Extracts, Any], Kernel | None]

# As many examples as one update of a Keras metric can take while its intermediates fit in the
# cache.
_KERAS_BATCH_SIZE = 10_000


def kernel_of(computation: Any, extracts: Extracts, config: Any) -> Kernel | None:
    """Returns the vectorised form of a TFMA MetricComputation, or None if there is none."""
    combiner = computation.combiner
    make = _KERNELS.get(type(combiner).__name__)
    if make is None or not type(combiner).__module__.startswith("tensorflow_model_analysis."):
        return None
    return make(combiner, extracts, config)


def _request(key: Any, combiner: Any, *, flatten: bool) -> Request:
    weights: Mapping[int, float] = getattr(combiner, "_class_weights", None) or {}
    return Request(
        model_name=key.model_name,
        output_name=key.output_name,
        sub_key=key.sub_key,
        aggregation_type=getattr(combiner, "_aggregation_type", None),
        class_weights=tuple(sorted(weights.items())),
        example_weighted=combiner._example_weighted,
        flatten=flatten,
    )


def _histogram(combiner: Any, extracts: Extracts, config: Any) -> Kernel | None:
    inputs = prepared(extracts, config, _request(combiner._key, combiner, flatten=True))
    if inputs is None or not combiner._prediction_based_bucketing:
        return None
    num_buckets = combiner._num_buckets

    def kernel(rows: NDArray[np.int64]) -> dict[Any, Any]:
        labels, predictions, weights = binary_examples(
            inputs.take(rows), fractional_labels=combiner._fractional_labels
        )
        places = (predictions - combiner._left) / combiner._range * num_buckets + 1
        buckets = np.clip(places, 0, num_buckets + 1).astype(np.int64)
        size = num_buckets + 2
        counts = np.bincount(buckets, minlength=size)
        sums = [
            np.bincount(buckets, weights=values, minlength=size)
            for values in (weights * labels, weights * predictions, weights)
        ]
        (used,) = np.nonzero(counts)
        columns = [used.tolist(), *(values[used].tolist() for values in sums)]
        return {
            combiner._key: [
                calibration_histogram.Bucket(*values) for values in zip(*columns, strict=True)
            ]
        }

    return kernel


def _confusion_matrices(combiner: Any, extracts: Extracts, config: Any) -> Kernel | None:
    usual = metric_util.to_label_prediction_example_weight
    if combiner._example_id_key or combiner._extract_label_prediction_and_weight is not usual:
        return None
    inputs = prepared(extracts, config, _request(combiner._key, combiner, flatten=True))
    if inputs is None:
        return None
    fractional = combiner._enable_fractional_labels

    def kernel(rows: NDArray[np.int64]) -> dict[Any, Any]:
        labels, predictions, weights = binary_examples(
            inputs.take(rows), fractional_labels=fractional
        )
        result = combiner.extract_output(combiner.create_accumulator())[combiner._key]
        for threshold, entry in result.items():
            is_positive = labels == 1.0 if fractional else labels > threshold
            is_above = predictions > threshold
            matrix = entry.matrix._replace(
                tp=float(weights[is_positive & is_above].sum()),
                fn=float(weights[is_positive & ~is_above].sum()),
                fp=float(weights[~is_positive & is_above].sum()),
                tn=float(weights[~is_positive & ~is_above].sum()),
            )
            result[threshold] = entry._replace(matrix=matrix)
        return {combiner._key: result}

    return kernel


def _calibration(combiner: Any, extracts: Extracts, config: Any) -> Kernel | None:
    key = combiner._key
    if key.sub_key is not None and key.sub_key.top_k is not None:
        return None
    inputs = prepared(extracts, config, _request(key, combiner, flatten=True))
    if inputs is None:
        return None
    weights = inputs.weights
    weighted_labels = inputs.labels.astype(np.float64) * weights
    weighted_predictions = inputs.predictions.astype(np.float64) * weights

    def kernel(rows: NDArray[np.int64]) -> dict[Any, Any]:
        totals = combiner.create_accumulator()
        totals.total_weighted_labels = float(weighted_labels[rows].sum())
        totals.total_weighted_predictions = float(weighted_predictions[rows].sum())
        totals.total_weighted_examples = float(weights[rows].sum())
        return {key: totals}

    return kernel


def _example_count(combiner: Any, extracts: Extracts, _config: Any) -> Kernel | None:
    weights = extracts.weights if combiner._example_weighted else None
    for name in (combiner._model_name, combiner._output_name):
        if isinstance(weights, Mapping) and name in weights:
            weights = weights[name]
    if isinstance(weights, Mapping):
        return None
    per_row = None if weights is None else weights.reshape(len(weights), -1).sum(1, np.float64)

    def kernel(rows: NDArray[np.int64]) -> dict[Any, Any]:
        count = float(len(rows)) if per_row is None else float(per_row[rows].sum())
        return dict.fromkeys(combiner._keys, count)

    return kernel


def _mean_of(error: RowError) -> _MakeKernel:
    """Makes kernels of the weighted mean of an error, in which a NaN does not count."""

    def make(combiner: Any, extracts: Extracts, config: Any) -> Kernel | None:
        key = combiner._metric_key
        inputs = prepared(extracts, config, _request(key, combiner, flatten=True))
        return None if inputs is None else _mean_kernel(key, inputs, error, skips_nan=True)

    return make


def _binary_cross_entropy(combiner: Any, extracts: Extracts, config: Any) -> Kernel | None:
    key = combiner._metric_key
    inputs = prepared(extracts, config, _request(key, combiner, flatten=False))
    if inputs is None or inputs.labels.shape != inputs.predictions.shape:
        return None
    error = functools.partial(
        row_errors.binary_cross_entropy,
        from_logits=combiner._from_logits,
        label_smoothing=combiner._label_smoothing,
    )
    return _mean_kernel(key, inputs, error, skips_nan=False)


def _mean_kernel(key: Any, inputs: MetricInputs, error: RowError, *, skips_nan: bool) -> Kernel:
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = error(inputs)
    weights = inputs.weights
    if skips_nan:
        weights = np.where(np.isnan(errors), 0.0, weights)
        errors = np.where(np.isnan(errors), 0.0, errors)

    def kernel(rows: NDArray[np.int64]) -> dict[Any, Any]:
        total, weight = (errors[rows] * weights[rows]).sum(), weights[rows].sum()
        return {key: float(total / weight) if weight else float("nan")}

    return kernel


def _keras(combiner: Any, extracts: Extracts, config: Any) -> Kernel | None:
    """Updates Keras metrics with many examples at a time."""
    if any(spec.HasField("padding_options") for spec in config.model_specs):
        return None
    aggregation = combiner._aggregation_type
    is_micro = bool(aggregation and aggregation.micro_average)
    by_output = []
    for output_name in combiner._output_names:
        request = Request(
            model_name=combiner._model_name,
            output_name=output_name,
            sub_key=None if combiner._sub_key_in_config else combiner._sub_key,
            aggregation_type=aggregation,
            class_weights=tuple(sorted((combiner._class_weights or {}).items())),
            example_weighted=combiner._example_weighted,
            flatten=is_micro,
        )
        inputs = prepared(extracts, config, request)
        if inputs is None:
            return None
        if combiner._sub_key_in_config and inputs.labels.shape != inputs.predictions.shape:
            labels = metric_util.one_hot(inputs.labels, inputs.predictions)
            inputs = MetricInputs(
                labels=labels, predictions=inputs.predictions, weights=inputs.weights
            )
        by_output.append(inputs)
    combiner.setup()

    def kernel(rows: NDArray[np.int64]) -> dict[Any, Any]:
        accumulator = combiner.create_accumulator()
        for position, inputs in enumerate(by_output):
            for start in range(0, len(rows), _KERAS_BATCH_SIZE):
                part = inputs.take(rows[start : start + _KERAS_BATCH_SIZE])
                _update(combiner, accumulator, position, part, is_flat=is_micro)
        result: dict[Any, Any] = combiner.extract_output(accumulator)
        return result

    return kernel


def _update(
    combiner: Any, accumulator: Any, position: int, part: MetricInputs, *, is_flat: bool
) -> None:
    arrays = (part.labels, part.predictions, part.weights)
    if is_flat:
        arrays = tuple(array.reshape(-1, 1) for array in arrays)  # type: ignore[assignment]
    for index, metric in enumerate(combiner._metrics[combiner._output_names[position]]):
        metric.reset_states()
        # Run it unconverted: AutoGraph would spend seconds on rewriting Keras for a graph.
        tf.autograph.experimental.do_not_convert(metric.update_state)(*arrays)
        # Keras counts in float32; adding up batches in float64 keeps this precision.
        states = [np.asarray(state, np.float64) for state in metric.get_weights()]
        accumulator.add_weights(position, index, states)


def _multi_class_matrices(combiner: Any, extracts: Extracts, config: Any) -> Kernel | None:
    if combiner._extract_label_prediction_and_weight is not (
        metric_util.to_label_prediction_example_weight
    ):
        return None
    key = combiner._key
    request = Request(
        model_name=key.model_name,
        output_name=key.output_name,
        example_weighted=combiner._example_weighted,
    )
    inputs = prepared(extracts, config, request)
    if inputs is None or inputs.predictions.shape[1] == 1:
        return None
    is_sparse = inputs.labels.shape[1] == 1
    actual = inputs.labels[:, 0].astype(np.int64) if is_sparse else inputs.labels.argmax(axis=1)
    predicted = inputs.predictions.argmax(axis=1)
    per_threshold = {}
    for threshold in combiner._thresholds:
        # TFMA keeps a class that was not predicted for the next threshold, so do we.
        scores = np.take_along_axis(inputs.predictions, predicted[:, None], axis=1)[:, 0]
        predicted = np.where(scores <= threshold, NO_PREDICTED_CLASS_ID, predicted)
        per_threshold[threshold] = predicted

    def kernel(rows: NDArray[np.int64]) -> dict[Any, Any]:
        result = combiner.create_accumulator()
        weights = inputs.weights[rows, 0]
        for threshold, classes in per_threshold.items():
            pairs, places = np.unique(
                np.stack([actual[rows], classes[rows]], axis=1), axis=0, return_inverse=True
            )
            sums = np.bincount(places.ravel(), weights=weights).tolist()
            result[threshold] = {
                MatrixEntryKey(*pair): total
                for pair, total in zip(pairs.tolist(), sums, strict=True)
            }
        return {key: result}

    return kernel


_KERNELS: Mapping[str, _MakeKernel] = {
    "_BinaryConfusionMatrixCombiner": _confusion_matrices,
    "_BinaryCrossEntropyCombiner": _binary_cross_entropy,
    "_CalibrationHistogramCombiner": _histogram,
    "_CompilableMetricsCombiner": _keras,
    "_ExampleCountCombiner": _example_count,
    "_MeanAbsoluteErrorCombiner": _mean_of(row_errors.absolute),
    "_MeanAbsolutePercentageErrorCombiner": _mean_of(row_errors.percentage),
    "_MeanSquaredErrorCombiner": _mean_of(row_errors.squared),
    "_MeanSquaredLogarithmicErrorCombiner": _mean_of(row_errors.squared_log),
    "_MultiClassConfusionMatrixCombiner": _multi_class_matrices,
    "_WeightedLabelsPredictionsExamplesCombiner": _calibration,
}
