"""Each vectorised computation equals TFMA's CombineFn for the same rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tensorflow_model_analysis.metrics import metric_specs, metric_types

from headrace_components.evaluator.embedded_engine import _row_by_row, _row_inputs
from headrace_components.evaluator.eval_config import checked_config
from headrace_components.evaluator.extraction import Extracts
from headrace_components.evaluator.kernels import kernel_of
from support.cases.evaluator import eval_config, metric

NUM_ROWS = 230
ROWS = np.sort(np.random.default_rng(2).permutation(NUM_ROWS)[:170])


def extracts_of(kind: str) -> Extracts:
    random = np.random.default_rng(11)
    labels: Any = random.integers(0, 2, (NUM_ROWS, 1))
    predictions: Any = random.uniform(0, 1, (NUM_ROWS, 1)).astype(np.float32)
    weights: Any = random.uniform(0, 2, (NUM_ROWS, 1)).astype(np.float32)
    scores = random.dirichlet([1, 1, 1, 1], NUM_ROWS).astype(np.float32)
    if kind == "fractional":
        labels = random.uniform(0, 1, (NUM_ROWS, 1)).astype(np.float32)
    elif kind == "numbers":
        labels = random.normal(2, 3, (NUM_ROWS, 1)).astype(np.float32)
        labels[:4] = 0
        predictions = random.normal(2, 3, (NUM_ROWS, 1)).astype(np.float32)
    elif kind == "classes":
        labels, predictions = random.integers(0, 4, (NUM_ROWS, 1)), scores
    elif kind == "one hot":
        labels = np.eye(4, dtype=np.float32)[random.integers(0, 4, NUM_ROWS)]
        predictions = scores
    elif kind == "flat":
        labels, predictions, weights = labels[:, 0], predictions[:, 0], weights[:, 0]
    elif kind == "two models":
        predictions = {"candidate": predictions, "baseline": 1 - predictions}
    elif kind == "two outputs":
        labels = {"late": labels, "far": 1 - labels}
        predictions = {"late": predictions, "far": predictions**2}
    elif kind == "named":
        predictions = {"score": predictions, "other": -predictions}
    return Extracts(
        num_rows=NUM_ROWS,
        labels=labels,
        predictions=predictions,
        weights=weights,
        features=pa.table({}),
        transformed=(),
    )


def config_of(
    kind: str, metrics: Sequence[Mapping[str, Any]], spec: Mapping[str, Any], weighted: bool
) -> Any:
    key = {"example_weight_key": "weight"} if weighted else {}
    if kind == "named":
        key["prediction_key"] = "score"
    config = eval_config(*metrics, slices=((),), **key)
    config["metrics_specs"][0].update(spec)
    if kind == "two outputs":
        config["model_specs"][0].pop("label_key")
        config["model_specs"][0]["label_keys"] = {"late": "late", "far": "far"}
        config["metrics_specs"][0]["output_names"] = ["late", "far"]
    return checked_config(config, has_model=True, has_baseline=kind == "two models").proto


BINARY = [
    metric("AUC"),
    metric("AUC", name="auc_few", num_thresholds=7),
    metric("Precision", thresholds=[0.2, 0.5, 0.9]),
    metric("Recall"),
    metric("BinaryAccuracy"),
    metric("Calibration"),
    metric("CalibrationPlot"),
    metric("MeanLabel"),
    metric("MeanPrediction"),
    metric("ExampleCount"),
    metric("BinaryCrossEntropy"),
    metric("BinaryCrossEntropy", name="smooth", label_smoothing=0.1),
    metric("BinaryCrossEntropy", name="logits", from_logits=True),
    metric("BinaryCrossentropy", name="loss"),
]
NUMBERS = [
    metric("MeanSquaredError"),
    metric("MeanAbsoluteError"),
    metric("MeanAbsolutePercentageError"),
    metric("RootMeanSquaredError"),
    metric("MeanSquaredLogarithmicError"),
    metric("ExampleCount"),
]
CLASSES = [
    metric("SparseCategoricalAccuracy"),
    metric("SparseCategoricalCrossentropy"),
    metric("MultiClassConfusionMatrixAtThresholds", thresholds=[0.2, 0.5, 0.8]),
    metric("MultiClassConfusionMatrixPlot"),
    metric("ExampleCount"),
]
ONE_HOT = [
    metric("CategoricalAccuracy"),
    metric("CategoricalCrossentropy"),
    metric("BinaryCrossEntropy"),
    metric("MultiClassConfusionMatrixAtThresholds"),
]
MEANS = [metric("Calibration"), metric("MeanLabel"), metric("MeanPrediction")]
RATES = [metric("AUC"), metric("Precision", thresholds=[0.3]), metric("BinaryCrossentropy")]
TOP = [metric("Precision"), metric("Recall")]
ONE_CLASS = {"binarize": {"class_ids": {"values": [0, 3]}}}
MICRO = {"aggregate": {"micro_average": True}}
WEIGHTED_MICRO = {"aggregate": {"micro_average": True, "class_weights": {0: 1.0, 2: 3.0}}}
TOP_TWO = {"binarize": {"top_k_list": {"values": [2]}}}
TOP_TWO_MICRO = {"aggregate": {"micro_average": True, "top_k_list": {"values": [2]}}}


@pytest.mark.filterwarnings("ignore:.*ndim > 0 to a scalar:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "metrics", "spec"),
    [
        ("binary", BINARY, {}),
        ("flat", BINARY, {}),
        ("two models", BINARY, {}),
        ("two outputs", BINARY, {}),
        ("named", BINARY, {}),
        ("fractional", BINARY, {}),
        ("numbers", NUMBERS, {}),
        ("classes", CLASSES, {}),
        ("one hot", ONE_HOT, {}),
        ("one hot", [*NUMBERS, *MEANS], {}),
        ("classes", [*NUMBERS, *MEANS], {}),
        ("classes", [*NUMBERS, *MEANS], ONE_CLASS),
        ("one hot", MEANS, WEIGHTED_MICRO),
        ("classes", RATES, ONE_CLASS),
        ("one hot", RATES, ONE_CLASS),
        ("one hot", RATES, MICRO),
        ("classes", RATES[:2], MICRO),
        ("one hot", RATES[:2], WEIGHTED_MICRO),
        ("classes", TOP, TOP_TWO),
        ("one hot", TOP, TOP_TWO_MICRO),
    ],
)
def test_a_kernel_equals_its_combine_fn(
    kind: str, metrics: Sequence[Mapping[str, Any]], spec: Mapping[str, Any], weighted: bool
) -> None:
    extracts = extracts_of(kind)
    config = config_of(kind, metrics, spec, weighted)
    rows = _row_inputs(extracts)

    computations = metric_specs.to_computations(list(config.metrics_specs), eval_config=config)
    base = [c for c in computations if isinstance(c, metric_types.MetricComputation)]

    assert base
    for computation in base:
        kernel = kernel_of(computation, extracts, config)
        assert kernel is not None, f"{computation.keys} has no kernel"
        expected = _row_by_row(computation.combiner, rows)(ROWS)
        assert_equal(kernel(ROWS), expected)


def assert_equal(found: Any, expected: Any) -> None:
    """Compares results of any structure; float32 sums of Keras differ in the seventh digit."""
    if isinstance(expected, Mapping):
        assert set(found) == set(expected)
        for key, value in expected.items():
            assert_equal(found[key], value)
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    elif isinstance(expected, (int, float, np.number, np.ndarray)):
        np.testing.assert_allclose(found, np.asarray(expected), rtol=5e-7, atol=1e-9)
    elif hasattr(expected, "__slots__") and expected.__slots__:
        for name in expected.__slots__:
            assert_equal(getattr(found, name), getattr(expected, name))
    else:
        assert_equal(vars(found), vars(expected))


@pytest.mark.parametrize(
    ("kind", "entry", "spec"),
    [
        ("classes", metric("Precision"), {"binarize": {"k_list": {"values": [1]}}}),
        ("binary", metric("SquaredPearsonCorrelation"), {}),
    ],
)
def test_what_has_no_vectorised_form_is_left_to_tfma(
    kind: str, entry: Mapping[str, Any], spec: Mapping[str, Any]
) -> None:
    config = config_of(kind, [entry], spec, weighted=False)

    computations = metric_specs.to_computations(list(config.metrics_specs), eval_config=config)

    assert kernel_of(computations[0], extracts_of(kind), config) is None
