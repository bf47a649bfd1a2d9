"""Confusion matrices at many thresholds from a histogram of predictions, vectorised.

TFMA derives AUC and similar metrics from matrices at 10,000 thresholds. It makes these in Python,
bucket by bucket: with many slices this is three quarters of an evaluation. The sums here have the
same order as in TFMA, so they agree to the last bit; a test compares them.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tensorflow_model_analysis.metrics import binary_confusion_matrices, calibration_histogram

Result = Callable[[Mapping[Any, Any]], dict[Any, Any]]
"""Returns further results of a slice, by TFMA's metric key, computed from the given ones."""

# TFMA adds this to a threshold, whose interval excludes it, and around [0, 1].
_EPSILON = 1e-7


def result_of(computation: Any) -> Result:
    """Returns the `result` of a DerivedMetricComputation, in a faster form if there is one."""
    result: Result = computation.result
    is_matrices = (
        result.__module__ == binary_confusion_matrices.__name__
        and result.__qualname__ == "binary_confusion_matrices.<locals>.result"
    )
    if not is_matrices:
        return result
    settings = inspect.getclosurevars(result).nonlocals
    thresholds = settings["thresholds"]
    # TFMA is fast without a histogram, or with the one threshold that all top-k values pass.
    if not settings["use_histogram"] or (len(thresholds) == 1 and thresholds[0] < 0):
        return result
    source, target = settings["input_metric_key"], settings["matrices_key"]

    def matrices(values: Mapping[Any, Any]) -> dict[Any, Any]:
        return {target: _matrices(thresholds, values[source])}

    return matrices


def _matrices(thresholds: Sequence[float], histogram: Sequence[Any]) -> Any:
    fences = [t + _EPSILON if t != 0 else t for t in thresholds]
    if thresholds[0] >= 0:
        fences = [-_EPSILON, *fences]
    if thresholds[-1] < 1.0:
        fences = [*fences, 1.0 + _EPSILON]
    labels = np.array([bucket.weighted_labels for bucket in histogram])
    weights = np.array([bucket.weighted_examples for bucket in histogram])
    bins = np.searchsorted(fences, _starts(histogram), side="right") - 1
    bins = np.maximum(bins, 0)  # values below the first threshold count in the first bucket
    size = len(fences)
    positives = np.bincount(bins, weights=labels, minlength=size)
    negatives = np.bincount(bins, weights=weights, minlength=size) - positives
    first = 1 if (thresholds[0] >= 0 or len(thresholds) == 1) and size > 1 else 0
    wanted = slice(first, first + len(thresholds))
    tp, fp = (np.cumsum(counts[::-1])[::-1][wanted] for counts in (positives, negatives))
    fn, tn = (np.cumsum([0.0, *counts[:-1]])[wanted] for counts in (positives, negatives))
    above_all = np.asarray(thresholds) >= 1.0 + _EPSILON
    tp[above_all] = fp[above_all] = 0.0
    fn[above_all], tn[above_all] = tp[0], fp[0]
    counts = (tp.tolist(), tn.tolist(), fp.tolist(), fn.tolist())
    return binary_confusion_matrices.Matrices(thresholds, *counts)


def _starts(histogram: Sequence[Any]) -> Any:
    """Returns where each bucket begins in TFMA's default histogram of predictions."""
    num_buckets = calibration_histogram.DEFAULT_NUM_BUCKETS
    numbers = np.array([bucket.bucket_id for bucket in histogram], dtype=np.int64)
    starts = (numbers - 1) / num_buckets
    return np.where(numbers == 0, -np.inf, np.where(numbers > num_buckets, np.inf, starts))
