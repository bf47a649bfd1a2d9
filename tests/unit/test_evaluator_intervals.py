"""Confidence intervals beside the metrics of slices."""

import pytest

from headrace_components.evaluator.intervals import interval_of
from headrace_components.evaluator.metric_rows import Score

ACCURACY = "sparse_categorical_accuracy"


def test_an_accuracy_has_wilsons_interval() -> None:
    # The example of R: binom::binom.wilson(8, 10).
    interval = interval_of(ACCURACY, Score(candidate=0.8), 10)

    assert interval == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_interval_of_few_rows_stays_within_0_and_1(share: float) -> None:
    interval = interval_of(ACCURACY, Score(candidate=share), 3)

    assert interval is not None
    low, high = interval
    assert 0 <= low <= share <= high <= 1
    assert high - low > 0.4


def test_more_rows_make_the_interval_narrower() -> None:
    few = interval_of(ACCURACY, Score(candidate=0.7), 100)
    many = interval_of(ACCURACY, Score(candidate=0.7), 10_000)

    assert few is not None
    assert many is not None
    assert many[1] - many[0] == pytest.approx((few[1] - few[0]) / 10, rel=0.05)


def test_the_interval_that_tfma_computed_is_taken() -> None:
    assert interval_of("auc", Score(candidate=0.7, interval=(0.6, 0.8)), 100) == (0.6, 0.8)


@pytest.mark.parametrize(
    ("metric", "score", "num_rows"),
    [
        ("auc", Score(candidate=0.8), 10),
        ("mean_squared_error", Score(candidate=0.8), 10),
        (f"{ACCURACY} weighted", Score(candidate=0.8), 10),
        (ACCURACY, Score(candidate=0.8), None),
        (ACCURACY, Score(candidate=0.8), 0),
        (ACCURACY, Score(), 10),
        (ACCURACY, Score(candidate=float("nan")), 10),
        (ACCURACY, Score(candidate=1.5), 10),
    ],
)
def test_what_is_no_share_of_counted_rows_has_no_interval(
    metric: str, score: Score, num_rows: float | None
) -> None:
    assert interval_of(metric, score, num_rows) is None
