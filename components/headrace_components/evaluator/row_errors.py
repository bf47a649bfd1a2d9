"""How far predictions are from labels, one number per row.

Each is the formula of the TFMA CombineFn of the same name, in the number types that it uses: a
float32 label and prediction are subtracted in float32. None stands for shapes that TFMA refuses.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace_components.evaluator.metric_inputs import MetricInputs

RowError = Callable[[MetricInputs], NDArray[np.float64] | None]


def absolute(inputs: MetricInputs) -> NDArray[np.float64] | None:
    """Returns |label - prediction|."""
    if inputs.predictions.shape[1] != 1:
        return None
    return _float64(np.absolute(inputs.labels - inputs.predictions)[:, 0])


def squared(inputs: MetricInputs) -> NDArray[np.float64] | None:
    """Returns the squared length of label - prediction."""
    return _float64(np.linalg.norm(inputs.labels - inputs.predictions, axis=1)) ** 2


def percentage(inputs: MetricInputs) -> NDArray[np.float64] | None:
    """Returns 100 |(label - prediction) / label|, and NaN where the label is 0."""
    if inputs.predictions.shape[1] != 1:
        return None
    ratios = np.absolute((inputs.labels - inputs.predictions) / inputs.labels)[:, 0]
    return np.where(inputs.labels[:, 0] == 0, np.nan, 100 * _float64(ratios))


def squared_log(inputs: MetricInputs) -> NDArray[np.float64] | None:
    """Returns the squared length of log(label + 1) - log(prediction + 1)."""
    logs = np.log(inputs.labels + 1) - np.log(inputs.predictions + 1)
    return _float64(np.linalg.norm(logs, axis=1)) ** 2


def binary_cross_entropy(
    inputs: MetricInputs, *, from_logits: bool, label_smoothing: float
) -> NDArray[np.float64] | None:
    """Returns the mean cross entropy of the classes, each against its complement."""
    labels = inputs.labels * (1.0 - label_smoothing) + 0.5 * label_smoothing
    scores = inputs.predictions
    if from_logits:
        entropy = np.maximum(scores, 0) - scores * labels + np.log(1 + np.exp(-np.abs(scores)))
    else:
        entropy = -labels * np.log(scores) - (1 - labels) * np.log(1 - scores)
    return _float64(np.mean(entropy, axis=1))


def _float64(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)
