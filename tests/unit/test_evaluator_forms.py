"""Metrics equal a few lines of NumPy, or are refused with the name of the right metric."""

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
import pyarrow as pa
import pytest
from tensorflow_model_analysis.metrics import metric_specs, metric_types

from headrace_components.contract import notices
from headrace_components.contract.errors import InputError, named
from headrace_components.evaluator.embedded_engine import _row_by_row, _row_inputs
from headrace_components.evaluator.eval_config import checked_config
from headrace_components.evaluator.extraction import Extracts
from headrace_components.evaluator.forms import check_all_rows, check_some_rows
from headrace_components.evaluator.kernels import kernel_of
from headrace_components.evaluator.survey import merged, surveys, values_of, widened
from support.cases.evaluator import eval_config, metric

NUM_ROWS, NUM_CLASSES = 120, 4
RANDOM = np.random.default_rng(5)
NUMBERS = RANDOM.integers(0, NUM_CLASSES, (NUM_ROWS, 1))
VECTORS = np.eye(NUM_CLASSES, dtype=np.float32)[NUMBERS[:, 0]]
SCORES = RANDOM.normal(size=(NUM_ROWS, NUM_CLASSES)) + VECTORS
SHARES = (np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)).astype(np.float32)
TAGS = (RANDOM.uniform(size=(NUM_ROWS, NUM_CLASSES)) < 0.4).astype(np.float32)
SIGMOIDS = RANDOM.uniform(size=(NUM_ROWS, NUM_CLASSES)).astype(np.float32)
SIDES = RANDOM.integers(0, 2, (NUM_ROWS, 1))
CHANCES = (0.01 + SIDES * 0.3 + RANDOM.uniform(0, 0.65, (NUM_ROWS, 1))).astype(np.float32)
LOGITS = np.log(CHANCES / (1 - CHANCES))
AMOUNTS = RANDOM.normal(5, 2, (NUM_ROWS, 1)).astype(np.float32)
GUESSES = (AMOUNTS + RANDOM.normal(size=AMOUNTS.shape)).astype(np.float32)

FORMS: Mapping[str, tuple[Any, Any]] = {
    "class numbers": (NUMBERS, SHARES),
    "class vectors": (VECTORS, SHARES),
    "tags": (TAGS, SIGMOIDS),
    "two classes": (SIDES, CHANCES),
    "two columns": (SIDES, np.concatenate([1 - CHANCES, CHANCES], axis=1)),
    "logits": (SIDES, LOGITS.astype(np.float32)),
    "class logits": (NUMBERS, SCORES.astype(np.float32)),
    "vector logits": (VECTORS, SCORES.astype(np.float32)),
    "amounts": (AMOUNTS, GUESSES),
    "classes from 1": (NUMBERS + 1, SHARES),
    "one score": (NUMBERS, GUESSES),
}
CUT_AT_A_QUARTER = {"class_name": "BinaryAccuracy", "config": '{"threshold": 0.25}'}
MICRO = {"aggregate": {"micro_average": True}}
CLASS_1 = {"binarize": {"class_ids": {"values": [1]}}}


def proto_of(entry: Mapping[str, Any], spec: Mapping[str, Any] | None = None) -> Any:
    config = eval_config(entry, slices=((),))
    config["metrics_specs"][0].update(spec or {})
    return checked_config(config, has_model=True, has_baseline=False).proto


def check(form: str, entry: Mapping[str, Any], spec: Mapping[str, Any] | None = None) -> None:
    config, (labels, predictions) = proto_of(entry, spec), FORMS[form]
    # As on Beam: the merged surveys of two batches.
    parts = []
    for rows in (slice(0, 50), slice(50, None)):
        parts.append(surveys(config, labels[rows], predictions[rows], None))
        check_some_rows(parts[-1], config)
    check_all_rows(merged(parts), config)


@pytest.mark.parametrize(
    ("form", "entry", "message"),
    [
        ("class numbers", metric("CategoricalAccuracy"), "Take SparseCategoricalAccuracy"),
        ("class numbers", metric("CategoricalCrossEntropy"), "Take SparseCategoricalCrossentropy"),
        ("class numbers", metric("CategoricalCrossentropy"), "Take SparseCategoricalCrossentropy"),
        ("class numbers", metric("CategoricalHinge"), "Take SparseCategoricalCrossentropy"),
        ("class numbers", metric("TopKCategoricalAccuracy", k=2), "SparseTopKCategoricalAccuracy"),
        ("class numbers", metric("OneHotIoU", num_classes=4, target_class_ids=[0]), "MultiClassCo"),
        ("class numbers", metric("Accuracy"), "Take SparseCategoricalAccuracy"),
        ("class numbers", metric("BinaryAccuracy"), "Take SparseCategoricalAccuracy, or set `bi"),
        ("class numbers", metric("BinaryCrossentropy"), "Take SparseCategoricalCrossentropy"),
        ("class numbers", metric("AUC"), "Set `binarize` for some classes in the metrics spec, or"),
        ("class numbers", metric("Precision"), "one of 4. Set `binarize` for some classes"),
        ("class numbers", metric("ConfusionMatrixPlot"), "Set `binarize` for some classes"),
        ("class numbers", metric("MeanSquaredError"), "SparseCategoricalCrossentropy or SparseCa"),
        ("class numbers", metric("MeanAbsoluteError"), "SparseCategoricalCrossentropy or SparseC"),
        ("class numbers", metric("RootMeanSquaredError"), "SparseCategoricalCrossentropy or Spar"),
        ("class numbers", metric("SparseTopKCategoricalAccuracy"), "all are right. Set `config` "),
        ("class numbers", metric("Precision", top_k=5), "asks for the top 5 of 4 classes. Ask fo"),
        ("class vectors", metric("SparseCategoricalAccuracy"), "Take CategoricalAccuracy"),
        ("class vectors", metric("SparseCategoricalCrossentropy"), "Take CategoricalCrossentropy"),
        ("class vectors", metric("SparseTopKCategoricalAccuracy", k=2), "Take TopKCategoricalAcc"),
        ("class vectors", metric("BinaryAccuracy"), "label of each row is one of them. Take Categ"),
        ("class vectors", metric("Accuracy"), "Take CategoricalAccuracy"),
        ("class vectors", metric("TopKCategoricalAccuracy", k=4), "among the top 4, and there are"),
        ("tags", metric("CategoricalAccuracy"), "several classes or none. Take BinaryAccuracy"),
        ("tags", metric("CategoricalCrossentropy"), "classes or none. Take BinaryCrossentropy"),
        ("tags", metric("MultiClassConfusionMatrixPlot"), "Take MultiLabelConfusionMatrixPlot"),
        ("two classes", metric("CategoricalAccuracy"), "one number per row. Take BinaryAccuracy"),
        ("two classes", metric("SparseCategoricalAccuracy"), "per row. Take BinaryAccuracy"),
        ("two classes", metric("CategoricalCrossentropy"), "Take BinaryCrossentropy"),
        ("two classes", metric("TopKCategoricalAccuracy"), "Take BinaryAccuracy"),
        ("two classes", metric("Accuracy"), "predicts scores. Take BinaryAccuracy"),
        ("two classes", metric("MeanIoU", num_classes=2), "predicts scores. Take BinaryIoU"),
        ("two classes", metric("MultiClassConfusionMatrixPlot"), "Take ConfusionMatrixAtThreshold"),
        ("two columns", metric("AUC"), r"`binarize` to {'class_ids': {'values': \[1\]}}"),
        ("logits", metric("AUC"), r"numbers from -.* Give `thresholds`, or let the .* a sigmoid"),
        ("logits", metric("Precision"), "Give `thresholds`, or let the model's signature apply a"),
        ("logits", metric("CalibrationPlot"), "takes probabilities, and the model predicts num"),
        ("logits", metric("BinaryCrossentropy"), '"from_logits": true'),
        ("class logits", metric("SparseCategoricalCrossentropy"), '"from_logits": true.* softmax'),
        ("vector logits", metric("CategoricalCrossentropy"), '"from_logits": true.* a softmax'),
        ("amounts", metric("AUC"), "a metric of two classes met the label .*regression metric"),
        ("amounts", metric("CoefficientOfDiscrimination"), "metric of two classes met the label"),
        ("one score", metric("BinaryCrossentropy"), "a metric of two classes met the label 3"),
        ("classes from 1", metric("SparseCategoricalAccuracy"), "met the label 4.* from 0 to 3"),
    ],
)
def test_a_metric_that_labels_do_not_suit_is_refused_with_the_name_of_the_right_one(
    form: str, entry: Mapping[str, Any], message: str
) -> None:
    with (
        pytest.raises(InputError, match=f"evaluator: metric {entry['class_name']} .*{message}"),
        named("evaluator"),
    ):
        check(form, entry)


@pytest.mark.parametrize(
    ("form", "entry", "told"),
    [
        ("logits", metric("BinaryAccuracy"), True),
        ("logits", CUT_AT_A_QUARTER, False),
        ("two classes", metric("BinaryAccuracy"), False),
        ("tags", metric("BinaryAccuracy"), False),
    ],
)
def test_binary_accuracy_of_logits_is_computed_as_in_tfx_and_the_author_is_told_once(
    form: str, entry: Mapping[str, Any], told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(notices.LEVEL):
        check(form, entry)

    found = [record.getMessage() for record in caplog.records]
    assert len(found) == told
    for message in found:
        assert message.startswith("evaluator: BinaryAccuracy cuts off at 0.5. It takes probab")
        assert "'{\"threshold\": 0.0}', or let the model's signature apply a sigmoid." in message


@pytest.mark.parametrize("name", ["SparseCategoricalAccuracy", "CategoricalAccuracy", "Accuracy"])
@pytest.mark.parametrize("spec", [MICRO, CLASS_1], ids=["aggregate", "binarize"])
def test_a_metric_of_whole_predictions_is_refused_one_class_at_a_time(
    name: str, spec: Mapping[str, Any]
) -> None:
    with pytest.raises(InputError, match="Move it to a metrics spec without them"):
        check("class numbers", metric(name), spec)


def area_under(labels: Any, scores: Any) -> float:
    """The share of positive and negative pairs in which the positive has the higher score."""
    positives, negatives = scores[labels > 0.5], scores[labels < 0.5]
    above = (positives[:, None] > negatives[None]) + 0.5 * (positives[:, None] == negatives[None])
    return float(above.mean())


def cross_entropy(labels: Any, shares: Any) -> float:
    return float(-(labels * np.log(shares)).sum(axis=-1).mean())


def two_sided(labels: Any, chances: Any) -> float:
    return float(-np.mean(labels * np.log(chances) + (1 - labels) * np.log(1 - chances)))


RIGHT = (SHARES.argmax(axis=1) == NUMBERS[:, 0]).mean()
AMONG_TWO = (np.argsort(-SHARES, axis=1)[:, :2] == NUMBERS).any(axis=1).mean()
CASES: list[tuple[str, Any, Any, Any]] = [
    ("class numbers", metric("SparseCategoricalAccuracy"), {}, RIGHT),
    ("class numbers", metric("SparseCategoricalCrossentropy"), {}, cross_entropy(VECTORS, SHARES)),
    ("class numbers", metric("SparseTopKCategoricalAccuracy", k=2), {}, AMONG_TWO),
    ("class numbers", metric("AUC"), MICRO, area_under(VECTORS.ravel(), SHARES.ravel())),
    ("class numbers", metric("AUC"), CLASS_1, area_under(VECTORS[:, 1], SHARES[:, 1])),
    ("class numbers", metric("Recall", top_k=2), {}, AMONG_TWO),
    (
        "class logits",
        metric("SparseCategoricalCrossentropy", from_logits=True),
        {},
        cross_entropy(VECTORS, SHARES),
    ),
    ("class vectors", metric("CategoricalAccuracy"), {}, RIGHT),
    ("class vectors", metric("CategoricalCrossentropy"), {}, cross_entropy(VECTORS, SHARES)),
    ("class vectors", metric("CategoricalCrossEntropy"), {}, cross_entropy(VECTORS, SHARES)),
    ("class vectors", metric("TopKCategoricalAccuracy", k=2), {}, AMONG_TWO),
    ("class vectors", metric("AUC"), {}, area_under(VECTORS.ravel(), SHARES.ravel())),
    ("class vectors", metric("MeanSquaredError"), {}, ((VECTORS - SHARES) ** 2).mean()),
    ("tags", metric("BinaryAccuracy"), {}, ((SIGMOIDS > 0.5) == TAGS).mean()),
    ("tags", metric("BinaryCrossentropy"), {}, two_sided(TAGS, SIGMOIDS)),
    ("tags", metric("AUC"), {}, area_under(TAGS.ravel(), SIGMOIDS.ravel())),
    ("two classes", metric("BinaryAccuracy"), {}, ((CHANCES > 0.5) == SIDES).mean()),
    ("two classes", metric("BinaryCrossentropy"), {}, two_sided(SIDES, CHANCES)),
    ("two classes", metric("AUC"), {}, area_under(SIDES.ravel(), CHANCES.ravel())),
    ("two columns", metric("AUC"), CLASS_1, area_under(SIDES.ravel(), CHANCES.ravel())),
    ("two columns", metric("BinaryAccuracy"), {}, ((CHANCES > 0.5) == SIDES).mean()),
    ("logits", metric("BinaryCrossentropy", from_logits=True), {}, two_sided(SIDES, CHANCES)),
    ("logits", CUT_AT_A_QUARTER, {}, ((LOGITS > 0.25) == SIDES).mean()),
    ("logits", metric("BinaryAccuracy"), {}, ((LOGITS > 0.5) == SIDES).mean()),
    ("logits", metric("Recall", thresholds=[0.0]), {}, (CHANCES > 0.5)[SIDES == 1].mean()),
    ("amounts", metric("MeanAbsoluteError"), {}, np.abs(AMOUNTS - GUESSES).mean()),
]


@pytest.mark.filterwarnings("ignore:.*ndim > 0 to a scalar:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize(
    ("form", "entry", "spec", "expected"),
    CASES,
    ids=[f"{form}, {entry['class_name']}{list(spec)}" for form, entry, spec, _ in CASES],
)
def test_a_metric_that_is_taken_gives_what_numpy_gives(
    form: str, entry: Mapping[str, Any], spec: Mapping[str, Any], expected: float
) -> None:
    check(form, entry, spec)

    vectorised = computed(form, entry, spec, by_rows=False)
    by_tfma = computed(form, entry, spec, by_rows=True)
    # AUC uses 10,000 thresholds.
    assert vectorised == pytest.approx(expected, abs=5e-4)
    assert vectorised == pytest.approx(by_tfma, rel=1e-6)


def test_a_metric_leaves_predictions_as_they_are_for_the_next_one() -> None:
    before = CHANCES.copy()

    computed("two classes", metric("CategoricalCrossEntropy"), {}, by_rows=True)

    np.testing.assert_array_equal(CHANCES, before)


def computed(
    form: str, entry: Mapping[str, Any], spec: Mapping[str, Any], *, by_rows: bool
) -> float:
    config, (labels, predictions) = proto_of(entry, spec), FORMS[form]
    extracts = Extracts(
        num_rows=NUM_ROWS,
        labels=labels,
        predictions=predictions,
        weights=None,
        features=pa.table({}),
        transformed=(),
    )
    values: dict[Any, Any] = {}
    rows = np.arange(NUM_ROWS)
    found = metric_specs.to_computations(list(config.metrics_specs), eval_config=config)
    for computation in dict.fromkeys(found):
        if isinstance(computation, metric_types.MetricComputation):
            kernel = None if by_rows else kernel_of(computation, extracts, config)
            kernel = kernel or _row_by_row(computation.combiner, _row_inputs(extracts))
            values.update(kernel(rows))
        else:
            values.update(computation.result(values))
    (value,) = (value for key, value in values.items() if not key.name.startswith("_"))
    return float(np.ravel(value)[0])


def test_values_are_known_by_row() -> None:
    values = values_of(np.array([[0.0, np.nan], [np.inf, 1.0], [0.25, 0.75]], np.float32))

    assert values is not None
    assert (values.width, values.num_nan, values.num_infinite) == (2, 1, 1)
    assert (values.low, values.high) == (0.0, 1.0)


def test_numbers_of_few_bits_are_widened() -> None:
    tree = {"scores": np.array([[0.5], [1.5]], ml_dtypes.bfloat16), "names": np.array([b"a"])}

    found = widened(tree)

    assert found["scores"].dtype == np.float32
    assert found["scores"].tolist() == [[0.5], [1.5]]
    assert found["names"] is tree["names"]
