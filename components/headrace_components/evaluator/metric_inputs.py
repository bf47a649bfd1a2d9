"""Labels, predictions and weights of all rows in the form that a metric needs.

TFMA does this row by row, in `metric_util.to_label_prediction_example_weight`. Here it is done for
all rows at once. Cases that are not supported here are left to TFMA: `prepared` then returns None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.metrics import metric_util

from headrace_components.contract.errors import InputError
from headrace_components.evaluator.extraction import Extracts
from headrace_components.evaluator.survey import PREDICTION_KEYS, VOCABULARY_KEYS


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricInputs:
    """The inputs of a metric's computation.

    Attributes:
        labels: Shape `(num_rows, 1)` or `(num_rows, num_classes)`.
        predictions: Shape `(num_rows, num_classes)`.
        weights: Shape `(num_rows, 1)`, or the shape of `predictions` if classes have weights.
    """

    labels: NDArray[Any]
    predictions: NDArray[Any]
    weights: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> "MetricInputs":
        """Returns the inputs of some rows."""
        return MetricInputs(
            labels=self.labels[rows], predictions=self.predictions[rows], weights=self.weights[rows]
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The inputs that a metric asks for; the fields mean the same as TFMA's arguments."""

    model_name: str = ""
    output_name: str = ""
    sub_key: Any = None
    aggregation_type: Any = None
    class_weights: tuple[tuple[int, float], ...] = ()
    example_weighted: bool = False
    flatten: bool = False


def prepared(extracts: Extracts, config: Any, request: Request) -> MetricInputs | None:
    """Returns the inputs that `request` asks for, or None if TFMA must make them row by row.

    With `flatten`, labels, predictions and weights have the same shape, and each element counts as
    an example. Without it, an example is a row.
    """
    spec = _model_spec(config, request.model_name)
    labels, predictions = extracts.labels, extracts.predictions
    if spec is not None and spec.label_key:
        labels = _descend(labels, spec.label_key)
    for name in (request.model_name, request.output_name):
        if name:
            labels, predictions = _descend(labels, name), _descend(predictions, name)
    predictions = _prediction(predictions, spec.prediction_key if spec is not None else "")
    labels, predictions = _as_matrix(labels), _as_matrix(predictions)
    weights = _weights(extracts, request)
    if labels is None or predictions is None or weights is None:
        return None
    if labels.shape[1] not in (1, predictions.shape[1]):
        return None
    inputs = MetricInputs(labels=labels, predictions=predictions, weights=weights)
    selected = _sub_key_applied(inputs, request)
    if selected is None or not request.flatten:
        return None if request.class_weights else selected
    return _flattened(selected, dict(request.class_weights))


def binary_examples(
    inputs: MetricInputs, *, fractional_labels: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Returns flat labels, predictions and weights of flattened inputs.

    With `fractional_labels`, an example with label l and weight w counts as a negative one of
    weight w * (1 - l) and a positive one of weight w * l. Those of weight 0 are left out.

    Raises:
        InputError: A prediction is not a number, or a fractional label is outside [0, 1].
    """
    labels = inputs.labels.ravel().astype(np.float64)
    predictions = inputs.predictions.ravel().astype(np.float64)
    weights = inputs.weights.ravel()
    if np.isnan(predictions).any():
        raise InputError(
            f"the model predicts NaN for {int(np.isnan(predictions).sum())} of "
            f"{len(predictions)} values, expected numbers. Train it with a smaller learning rate, "
            "or check the features for missing values."
        )
    if not fractional_labels:
        return labels, predictions, weights
    outside = (labels < -1e-7) | (labels > 1 + 1e-7)
    if outside.any():
        raise InputError(
            f"a metric of two classes met the label {labels[outside][0]:g}, expected "
            "labels from 0 to 1. For more classes set `binarize` or `aggregate` in the metrics "
            "spec; for a number to predict take a regression metric."
        )
    negative, positive = weights * (1 - labels), weights * labels
    has_negative, has_positive = negative != 0, positive != 0
    return (
        np.concatenate([np.zeros(has_negative.sum()), np.ones(has_positive.sum())]),
        np.concatenate([predictions[has_negative], predictions[has_positive]]),
        np.concatenate([negative[has_negative], positive[has_positive]]),
    )


def _model_spec(config: Any, model_name: str) -> Any:
    # TFMA calls the only model '', whatever name its spec has.
    for spec in config.model_specs:
        if (spec.name if len(config.model_specs) > 1 else "") == model_name:
            return spec
    return None


def _descend(tree: Any, key: str) -> Any:
    # Labels and weights may be shared by all models and outputs.
    return tree[key] if isinstance(tree, Mapping) and key in tree else tree


def _prediction(predictions: Any, key: str) -> Any:
    if not isinstance(predictions, Mapping):
        return predictions
    if VOCABULARY_KEYS & set(predictions):
        return None
    if key:
        return predictions.get(key)
    return next((predictions[name] for name in PREDICTION_KEYS if name in predictions), None)


def _as_matrix(array: Any) -> NDArray[Any] | None:
    """Returns numbers as a matrix with a row per example."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "bifu" or array.ndim > 2:
        return None
    return array.reshape(len(array), -1) if array.size else None


def _weights(extracts: Extracts, request: Request) -> NDArray[np.float64] | None:
    weights = extracts.weights
    for name in (request.model_name, request.output_name):
        weights = _descend(weights, name) if name else weights
    if not request.example_weighted or weights is None:
        return np.ones((extracts.num_rows, 1))
    weights = _as_matrix(weights)
    if weights is None or weights.shape[1] != 1:
        return None
    return weights.astype(np.float64)


def _sub_key_applied(inputs: MetricInputs, request: Request) -> MetricInputs | None:
    sub_key = request.sub_key
    if sub_key is None:
        return inputs
    if sub_key.k is not None:
        return None  # the two generations of TFMA differ in ties
    if sub_key.top_k is not None:
        return None if sub_key.class_id is not None else _top_k(inputs, request)
    if not 0 <= sub_key.class_id < inputs.predictions.shape[1]:
        raise InputError(
            f"`binarize` asks for class {sub_key.class_id}, but the model predicts "
            f"{inputs.predictions.shape[1]} classes, counted from 0. Correct `class_ids`."
        )
    column = slice(sub_key.class_id, sub_key.class_id + 1)
    is_sparse = inputs.labels.shape != inputs.predictions.shape
    labels = (inputs.labels == sub_key.class_id).astype(np.int64) if is_sparse else None
    return MetricInputs(
        labels=inputs.labels[:, column] if labels is None else labels,
        predictions=inputs.predictions[:, column],
        weights=inputs.weights,
    )


def _top_k(inputs: MetricInputs, request: Request) -> MetricInputs | None:
    top_k = request.sub_key.top_k
    if inputs.predictions.shape[1] < top_k:
        return None  # TFMA's error explains it
    indices = metric_util.top_k_indices(top_k, inputs.predictions)
    if request.aggregation_type is None:
        predictions = np.full(inputs.predictions.shape, -np.inf)
        predictions[indices] = inputs.predictions[indices]
        return MetricInputs(labels=inputs.labels, predictions=predictions, weights=inputs.weights)
    labels = inputs.labels
    if labels.shape != inputs.predictions.shape:
        labels = metric_util.one_hot(labels, inputs.predictions)
    return MetricInputs(
        labels=metric_util.select_indices(labels, indices),
        predictions=metric_util.select_indices(inputs.predictions, indices),
        weights=inputs.weights,
    )


def _flattened(inputs: MetricInputs, class_weights: Mapping[int, float]) -> MetricInputs:
    shape = inputs.predictions.shape
    labels = inputs.labels
    if labels.shape != shape:
        labels = metric_util.one_hot(labels, inputs.predictions)
    factors = np.ones(shape[1])
    if class_weights:
        factors = np.array([class_weights.get(column, 0.0) for column in range(shape[1])])
    return MetricInputs(
        labels=labels, predictions=inputs.predictions, weights=inputs.weights * factors
    )


FEATURE_FREE_KEYS = frozenset(
    {constants.LABELS_KEY, constants.PREDICTIONS_KEY, constants.EXAMPLE_WEIGHTS_KEY}
)
"""The parts of a row that the embedded engine provides; metrics that need more run on Beam."""
