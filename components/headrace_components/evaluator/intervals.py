"""Confidence intervals of metrics on slices."""

import math

from headrace_components.evaluator.metric_rows import Score

# Metrics that are the share of the rows with some property, by Keras' names.
_SHARES = frozenset(
    {
        "accuracy",
        "binary_accuracy",
        "categorical_accuracy",
        "sparse_categorical_accuracy",
        "sparse_top_k_categorical_accuracy",
        "top_k_categorical_accuracy",
    }
)
# The quantile of the normal distribution for 95 % on both sides.
_QUANTILE = 1.959964


def interval_of(metric: str, score: Score, num_rows: float | None) -> tuple[float, float] | None:
    """Returns the 95 % confidence interval of the candidate's value; None if it is unknown.

    It is TFMA's, if the config asks for confidence intervals. Otherwise a metric that is a share
    of the rows, such as an accuracy, has Wilson's score interval.

    Args:
        metric: Name of the metric.
        score: Its values on a slice.
        num_rows: Rows of the slice; None if they were not counted.
    """
    if score.interval is not None or score.candidate is None:
        return score.interval
    if metric not in _SHARES or not num_rows or not 0 <= score.candidate <= 1:
        return None
    return _wilson(score.candidate, num_rows)


def _wilson(share: float, count: float) -> tuple[float, float]:
    # E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927).
    square = _QUANTILE**2 / count
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)
