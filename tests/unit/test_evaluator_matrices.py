"""Vectorised confusion matrices equal those of TFMA to the last bit."""

from typing import Any

import numpy as np
import pytest
from tensorflow_model_analysis.metrics import binary_confusion_matrices, calibration_histogram

from headrace_components.evaluator.matrices import result_of


def histogram(buckets: list[int]) -> list[Any]:
    random = np.random.default_rng(5)
    weights = random.uniform(0.1, 2, len(buckets))
    labels = weights * random.uniform(0, 1, len(buckets))
    return [
        calibration_histogram.Bucket(number, float(label), 0.0, float(weight))
        for number, label, weight in zip(buckets, labels, weights, strict=True)
    ]


ALL = sorted({0, 10_001, *np.random.default_rng(3).integers(1, 10_001, 900).tolist()})


@pytest.mark.parametrize("buckets", [[0], [10_001], [1], [5000, 5001], [1, 10_000], ALL])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_thresholds": 200},
        {"num_thresholds": 2},
        {"thresholds": [0.5], "use_histogram": True},
        {"thresholds": [0.0, 0.25, 1.0], "use_histogram": True},
        {"thresholds": [-0.1, 0.3, 1.1], "use_histogram": True},
        {"thresholds": [float("-inf")]},
    ],
)
def test_matrices_are_those_of_tfma(buckets: list[int], settings: dict[str, Any]) -> None:
    computations = binary_confusion_matrices.binary_confusion_matrices(**settings)
    source = computations[0].keys[0]
    values = {source: histogram(buckets)}

    assert result_of(computations[-1])(values) == computations[-1].result(values)


def test_other_results_stay_as_they_are() -> None:
    computations = binary_confusion_matrices.binary_confusion_matrices(
        thresholds=[0.5], use_histogram=False
    )

    assert result_of(computations[-1]) is computations[-1].result
