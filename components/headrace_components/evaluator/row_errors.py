"""Computes the errors of predictions.

Each function has the formula and number types of the TFMA CombineFn of the same name: a float32
label and prediction are subtracted in float32.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace_components.evaluator.metric_inputs import MetricInputs

RowError = Callable[[MetricInputs], NDArray[np.float64]]
"""Returns one error for each weight of the inputs."""


def absolute(inputs: MetricInputs) -> NDArray[np.float64]:
    """Returns |label - prediction|."""
    return _float64(np.absolute(inputs.labels - inputs.predictions))


def squared(inputs: MetricInputs) -> NDArray[np.float64]:
    """Returns (label - prediction)^2, rounded like in TFMA, which takes the root in between."""
    return _squared_norm(inputs.labels - inputs.predictions)


def percentage(inputs: MetricInputs) -> NDArray[np.float64]:
    """Returns 100 |(label - prediction) / label|, and NaN where the label is 0."""
    ratios = np.absolute((inputs.labels - inputs.predictions) / inputs.labels)
    return np.where(inputs.labels == 0, np.nan, 100 * _float64(ratios))


def squared_log(inputs: MetricInputs) -> NDArray[np.float64]:
    """Returns (log(label + 1) - log(prediction + 1))^2."""
    return _squared_norm(np.log(inputs.labels + 1) - np.log(inputs.predictions + 1))


def binary_cross_entropy(
    inputs: MetricInputs, *, from_logits: bool, label_smoothing: float
) -> NDArray[np.float64]:
    """Returns the mean cross entropy of a row's classes, each with its complement."""
    labels = inputs.labels * (1.0 - label_smoothing) + 0.5 * label_smoothing
    scores = inputs.predictions
    if from_logits:
        entropy = np.maximum(scores, 0) - scores * labels + np.log(1 + np.exp(-np.abs(scores)))
    else:
        entropy = -labels * np.log(scores) - (1 - labels) * np.log(1 - scores)
    return _float64(np.mean(entropy, axis=1, keepdims=True))


def _squared_norm(differences: NDArray[Any]) -> NDArray[np.float64]:
    return _float64(np.sqrt(differences * differences)) ** 2


def _float64(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)
