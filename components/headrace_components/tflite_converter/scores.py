"""Metrics of predictions and labels, with the names of Keras and TFMA."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from headrace_components.contract.errors import InputError

Floats = NDArray[np.float64]

_DECISION = 0.5
_HIGHER_IS_BETTER = frozenset({"SparseCategoricalAccuracy", "BinaryAccuracy", "AUC"})


def metric_names(labels: Floats, predictions: Floats) -> list[str]:
    """Returns the names of the metrics that fit the predictions.

    Args:
        labels: Shape `(rows,)`.
        predictions: Shape `(rows, columns)`; several columns are scores of as many classes.
    """
    num_columns = predictions.shape[1]
    if num_columns > 1:
        return ["SparseCategoricalAccuracy", *(["AUC"] if num_columns == 2 else [])]
    if np.isin(labels, (0.0, 1.0)).all():
        return ["BinaryAccuracy", "AUC"]
    return ["MeanSquaredError", "MeanAbsoluteError"]


def score(name: str, labels: Floats, predictions: Floats) -> float:
    """Returns a metric; NaN if it is not defined, such as AUC of rows that all have the same label.

    Args:
        name: Name of the metric.
        labels: Shape `(rows,)`.
        predictions: Shape `(rows, columns)`.

    Raises:
        InputError: The metric is not one of predictions with this number of columns.
    """
    most_columns, compute = _METRICS[name]
    num_columns = predictions.shape[1]
    if num_columns > most_columns or (name == "SparseCategoricalAccuracy" and num_columns == 1):
        raise InputError(
            f"`max_metric_loss` names {name!r}, but the predictions have "
            f"{num_columns} values a row, for which there are {metric_names(labels, predictions)}. "
            "Name one of those."
        )
    return compute(labels, predictions)


def loss(name: str, before: float, after: float) -> float:
    """Returns how much worse a metric became, in its unit; negative if it became better."""
    return before - after if name in _HIGHER_IS_BETTER else after - before


def _class_accuracy(labels: Floats, predictions: Floats) -> float:
    return float((predictions.argmax(axis=1) == labels).mean())


def _binary_accuracy(labels: Floats, predictions: Floats) -> float:
    return float(((predictions[:, -1] > _DECISION) == labels).mean())


def _auc(labels: Floats, predictions: Floats) -> float:
    """Returns the area under the ROC curve: how often a positive row ranks above a negative one.

    The Mann-Whitney statistic; ties count half. It is exact; TFMA sums over 10,000 thresholds.
    """
    _, places, counts = np.unique(predictions[:, -1], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places.ravel()]
    positive = labels > _DECISION
    num_positive = int(positive.sum())
    num_negative = len(labels) - num_positive
    if not num_positive or not num_negative:
        return float("nan")
    above = ranks[positive].sum() - num_positive * (num_positive + 1) / 2
    return float(above / (num_positive * num_negative))


def _squared_error(labels: Floats, predictions: Floats) -> float:
    return float(((predictions[:, 0] - labels) ** 2).mean())


def _absolute_error(labels: Floats, predictions: Floats) -> float:
    return float(np.abs(predictions[:, 0] - labels).mean())


_ANY = 2**31

# By name: the maximum number of columns of predictions, and the function.
_METRICS: Mapping[str, tuple[int, Callable[[Floats, Floats], float]]] = {
    "SparseCategoricalAccuracy": (_ANY, _class_accuracy),
    "BinaryAccuracy": (2, _binary_accuracy),
    "AUC": (2, _auc),
    "MeanSquaredError": (1, _squared_error),
    "MeanAbsoluteError": (1, _absolute_error),
}
