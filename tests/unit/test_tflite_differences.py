"""Differences and metrics of the TF Lite converter, compared with their definitions."""

import keras
import ml_dtypes
import numpy as np
import pytest

from headrace_components.contract.errors import InputError
from headrace_components.tflite_converter import scores
from headrace_components.tflite_converter.differences import Difference


def difference(expected: object, actual: object, parts: int = 1) -> Difference:
    found = Difference()
    pairs = zip(
        np.array_split(np.asarray(expected), parts),
        np.array_split(np.asarray(actual), parts),
        strict=True,
    )
    for before, after in pairs:
        found.add(before, after)
    return found


@pytest.mark.parametrize("parts", [1, 7])
def test_differences_of_floats_are_those_of_all_rows_at_once(parts: int) -> None:
    random = np.random.default_rng(3)
    expected = 1e6 + random.normal(size=(100, 4)).astype(np.float64)
    actual = expected + random.normal(scale=0.1, size=(100, 4))

    found = difference(expected, actual, parts)

    assert found.mean == pytest.approx(np.abs(actual - expected).mean())
    assert found.largest == pytest.approx(np.abs(actual - expected).max())
    deviation = np.sqrt(((actual - expected) ** 2).mean()) / expected.std()
    assert found.relative == pytest.approx(deviation)
    assert found.agreement == (expected.argmax(1) == actual.argmax(1)).mean()


def test_a_model_that_answers_nothing_but_nan_differs_without_limit() -> None:
    found = difference([[1.0], [2.0]], [[np.nan], [2.0]])

    assert found.largest == found.relative == np.inf
    assert found.agreement is None


def test_the_same_nan_and_the_same_infinity_are_no_difference() -> None:
    found = difference([[np.nan, np.inf, 1.0]], [[np.nan, np.inf, 1.0]])

    assert found.largest == found.relative == 0


@pytest.mark.parametrize(("value", "relative"), [(4.0, 0.25), (0.0, 1.0)])
def test_answers_that_are_all_the_same_are_their_own_unit(value: float, relative: float) -> None:
    expected = np.full((10, 1), value)

    assert difference(expected, expected + 1.0).relative == relative


def test_integers_and_strings_agree_where_all_of_a_row_is_equal() -> None:
    assert difference([[1, 2], [3, 4]], [[1, 2], [3, 5]]).agreement == 0.5
    words = np.array([b"left", b"right"], np.object_)
    found = difference(words, words)
    assert (found.agreement, found.relative, found.mean) == (1.0, None, None)


def test_metrics_are_those_of_keras() -> None:
    random = np.random.default_rng(5)
    labels = random.integers(0, 2, 500).astype(np.float64)
    # Rounded, so that scores of positive and negative rows are equal too.
    predictions = np.clip(labels * 0.3 + random.random(500) * 0.7, 0, 1).round(2)[:, None]
    oracles = {
        "BinaryAccuracy": keras.metrics.BinaryAccuracy(),
        "AUC": keras.metrics.AUC(num_thresholds=10_000),
        "MeanSquaredError": keras.metrics.MeanSquaredError(),
        "MeanAbsoluteError": keras.metrics.MeanAbsoluteError(),
    }

    for name, oracle in oracles.items():
        oracle.update_state(labels[:, None], predictions)
        expected = float(oracle.result())
        assert scores.score(name, labels, predictions) == pytest.approx(expected, abs=1e-4), name


def test_the_metrics_follow_the_shape_of_predictions_and_the_labels() -> None:
    ones = np.ones(4)
    assert scores.metric_names(ones, np.ones((4, 3))) == ["SparseCategoricalAccuracy"]
    assert scores.metric_names(ones, np.ones((4, 2))) == ["SparseCategoricalAccuracy", "AUC"]
    assert scores.metric_names(ones, np.ones((4, 1))) == ["BinaryAccuracy", "AUC"]
    assert scores.metric_names(2 * ones, np.ones((4, 1))) == [
        "MeanSquaredError",
        "MeanAbsoluteError",
    ]


def test_a_curve_of_one_label_has_no_area() -> None:
    assert np.isnan(scores.score("AUC", np.ones(3), np.ones((3, 1))))


def test_a_metric_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"names 'MeanSquaredError', but the predictions have 3"):
        scores.score("MeanSquaredError", np.ones(3), np.ones((3, 3)))


def test_floats_of_16_bits_are_floats() -> None:
    expected = np.array([[0.5], [1.5]], ml_dtypes.bfloat16)

    found = difference(expected, np.array([[0.5], [1.25]], np.float32))

    assert found.is_float
    assert found.largest == 0.25
