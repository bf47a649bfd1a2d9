"""Describes labels and predictions of an evaluation: how many values, their range, how many NaN.

Metrics leave out a NaN prediction, or count it as some class, and they accept labels of the wrong
form. A few numbers over all rows show both. Both engines collect them from the same arrays.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_model_analysis.api import types

from headrace_components.library.data.number_types import is_float, is_integer, is_number

PREDICTION_KEYS = ("scores", "outputs", "predictions", "logistic", "probabilities", "logits")
"""Keys of a dict of predictions; the first one that exists is used, in TFMA's order."""

VOCABULARY_KEYS = frozenset({"all_classes", "classes"})
"""A dict with one of these keys has a vocabulary, in which string labels are looked up."""

# Sums of float32 probabilities differ from 1 in the seventh digit, of bfloat16 in the third.
_SUM_TOLERANCE = 1e-2


@dataclass(frozen=True, kw_only=True, slots=True)
class ValuesSummary:
    """Describes the numbers of a label or a prediction over some rows.

    Attributes:
        width: Numbers per row; 0 if rows differ in length.
        low: The smallest number, without NaN and infinities; infinity if there is none.
        high: The largest number; minus infinity if there is none.
        is_whole: Whether all are whole numbers.
        sums_to_one: Whether the numbers of each row are at least 0 and sum to 1.
        num_nan: Rows in which a number is NaN.
        num_infinite: Rows in which a number is infinite.
    """

    width: int
    low: float
    high: float
    is_whole: bool
    sums_to_one: bool
    num_nan: int
    num_infinite: int

    def plus(self, other: "ValuesSummary") -> "ValuesSummary":
        """Returns the description of the numbers of both."""
        return ValuesSummary(
            width=self.width if self.width == other.width else 0,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            is_whole=self.is_whole and other.is_whole,
            sums_to_one=self.sums_to_one and other.sums_to_one,
            num_nan=self.num_nan + other.num_nan,
            num_infinite=self.num_infinite + other.num_infinite,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The labels, predictions and weights of one model, or of one of its outputs.

    Attributes:
        model_name: Name of its model spec; empty if there is only one.
        output_name: Name of the output; empty if the model has only one.
        num_rows: Number of rows.
        labels: Its labels; None without labels, or if they are text.
        predictions: Its predictions; None if they are text.
        weights: Weights of the rows; None if they have none.
    """

    model_name: str
    output_name: str
    num_rows: int
    labels: ValuesSummary | None
    predictions: ValuesSummary | None
    weights: ValuesSummary | None

    def plus(self, other: "Survey") -> "Survey":
        """Returns the survey of the rows of both."""
        return replace(
            self,
            num_rows=self.num_rows + other.num_rows,
            labels=_plus(self.labels, other.labels),
            predictions=_plus(self.predictions, other.predictions),
            weights=_plus(self.weights, other.weights),
        )


def surveys(config: Any, labels: Any, predictions: Any, weights: Any) -> list[Survey]:
    """Returns a survey per model and output that may have metrics.

    Args:
        config: A `tfma.EvalConfig` with its defaults.
        labels: Values over some rows, or dicts of them by model and output, as TFMA extracts them.
        predictions: As `labels`.
        weights: Like `labels`; None if rows have no weight.
    """
    found = []
    for spec in config.model_specs:
        model_name = spec.name if len(config.model_specs) > 1 else ""
        mine = _descend(predictions, model_name)
        expected = _descend(_descend(labels, spec.label_key), model_name)
        weighed = _descend(weights, model_name)
        for output_name, values in _outputs(config, spec, mine):
            found.append(
                Survey(
                    model_name=model_name,
                    output_name=output_name,
                    num_rows=_num_rows(values),
                    labels=values_of(_descend(expected, output_name)),
                    predictions=values_of(values),
                    weights=values_of(_descend(weighed, output_name)),
                )
            )
    return found


def merged(parts: Sequence[Sequence[Survey]]) -> list[Survey]:
    """Returns one survey per model and output from those of parts of the rows."""
    by_name: dict[tuple[str, str], Survey] = {}
    for survey in (survey for part in parts for survey in part):
        name = (survey.model_name, survey.output_name)
        by_name[name] = by_name[name].plus(survey) if name in by_name else survey
    return [by_name[name] for name in sorted(by_name)]


def values_of(values: Any) -> ValuesSummary | None:
    """Describes the numbers of a tensor over rows; None if it has no numbers."""
    tensor = dense(values)
    if isinstance(tensor, (types.VarLenTensorValue, types.SparseTensorValue)):
        return _values_of_sparse(tensor)
    if not isinstance(tensor, np.ndarray) or not is_number(tensor.dtype) or not len(tensor):
        return None
    rows = _in_float64(tensor).reshape(len(tensor), -1)
    if rows.shape[1] == 0:
        return None
    is_nan, is_infinite = np.isnan(rows), np.isinf(rows)
    finite = rows[~is_nan & ~is_infinite]
    low, high = _range(finite)
    with np.errstate(invalid="ignore"):
        sums = np.abs(rows.sum(axis=1) - 1.0) <= _SUM_TOLERANCE
    return ValuesSummary(
        width=rows.shape[1],
        low=low,
        high=high,
        is_whole=bool((finite == np.floor(finite)).all()),
        sums_to_one=low >= 0.0 and bool(sums.all()),
        num_nan=int(is_nan.any(axis=1).sum()),
        num_infinite=int(is_infinite.any(axis=1).sum()),
    )


def widened(tree: Any) -> Any:
    """Returns `tree` with numbers of less than 32 bits, such as bfloat16, in types of NumPy."""
    if isinstance(tree, Mapping):
        return {key: widened(value) for key, value in tree.items()}
    if not isinstance(tree, np.ndarray) or tree.dtype.kind == "b":
        return tree
    if is_float(tree.dtype) and tree.dtype.itemsize < 4:
        return tree.astype(np.float32)
    return tree.astype(np.int64) if tree.dtype.kind == "V" and is_integer(tree.dtype) else tree


def dense(values: Any) -> Any:
    """Returns an array of shape `(num_rows, 1)` for a sparse tensor with one value in each row."""
    # A schema without shapes makes every label a sparse tensor, though each row has just one.
    if isinstance(values, types.VarLenTensorValue):
        rows = np.arange(values.dense_shape[0])
        if np.array_equal(values.indices[:, 0], rows) and not np.any(values.indices[:, 1]):
            return np.reshape(values.values, (-1, 1))
    return values


def _values_of_sparse(tensor: Any) -> ValuesSummary | None:
    numbers = np.asarray(tensor.values)
    if not is_number(numbers.dtype) or not len(numbers):
        return None
    numbers = _in_float64(numbers)
    is_nan, is_infinite = np.isnan(numbers), np.isinf(numbers)
    low, high = _range(numbers[~is_nan & ~is_infinite])
    rows = np.asarray(tensor.indices)[:, 0]
    return ValuesSummary(
        width=0,
        low=low,
        high=high,
        is_whole=False,
        sums_to_one=False,
        num_nan=len(np.unique(rows[is_nan])),
        num_infinite=len(np.unique(rows[is_infinite])),
    )


def _range(finite: NDArray[np.float64]) -> tuple[float, float]:
    return float(finite.min(initial=math.inf)), float(finite.max(initial=-math.inf))


def _in_float64(array: NDArray[Any]) -> NDArray[np.float64]:
    return array.astype(np.float64)


def _outputs(config: Any, spec: Any, predictions: Any) -> Iterator[tuple[str, Any]]:
    """Yields the outputs that metrics use, by the names that metrics call them."""
    if not isinstance(predictions, Mapping):
        yield "", predictions
        return
    named = {*spec.prediction_keys, *spec.label_keys}
    named.update(name for metrics in config.metrics_specs for name in metrics.output_names)
    for name in sorted(named & set(predictions)):
        yield name, _one(predictions[name], "")
    if named & set(predictions):
        return
    found = _one(predictions, spec.prediction_key)
    if found is not None:
        yield "", found


def _one(predictions: Any, key: str) -> Any:
    if not isinstance(predictions, Mapping):
        return predictions
    if VOCABULARY_KEYS & set(predictions):
        return None  # the metric compares names of classes
    if key:
        return predictions.get(key)
    return next((predictions[name] for name in PREDICTION_KEYS if name in predictions), None)


def _descend(tree: Any, key: str) -> Any:
    return tree[key] if key and isinstance(tree, Mapping) and key in tree else tree


def _num_rows(values: Any) -> int:
    if hasattr(values, "dense_shape"):
        return int(values.dense_shape[0])
    return len(values) if values is not None and hasattr(values, "__len__") else 0


def _plus(one: ValuesSummary | None, other: ValuesSummary | None) -> ValuesSummary | None:
    if one is None or other is None:
        return one or other
    return one.plus(other)
