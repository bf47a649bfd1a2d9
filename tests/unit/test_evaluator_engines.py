"""The embedded engine writes the same as TFMA on Beam, for whole evaluations."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from headrace_components.contract.task import Artifact
from headrace_components.evaluator import beam_engine, embedded_engine, results
from headrace_components.evaluator.eval_config import checked_config
from headrace_components.evaluator.models import shared_models
from headrace_components.evaluator.rows import EvaluationRows
from headrace_components.library.data.tfrecord import read_records
from support.cases.evaluator import (
    at_least,
    eval_config,
    flights,
    metric,
    save_model,
    write_examples,
)

CHANGE = {"change_threshold": {"relative": -0.5, "direction": "HIGHER_IS_BETTER"}}
BINARY = eval_config(
    metric("AUC", at_least(0.9)),
    metric("AUCPrecisionRecall"),
    metric("BinaryAccuracy", CHANGE),
    metric("Precision"),
    metric("Recall", thresholds=[0.3]),
    metric("Calibration"),
    metric("MeanLabel"),
    metric("MeanPrediction"),
    metric("ExampleCount"),
    metric("BinaryCrossentropy", name="loss"),
    metric("CalibrationPlot"),
    metric("ConfusionMatrixPlot"),
    slices=((), ("carrier",), ("carrier", "origin"), ("hour",)),
    example_weight_key="weight",
)
SMALL_SLICES = {**BINARY, "options": {"min_slice_size": 70}}
NUMBERS = eval_config(
    metric("MeanSquaredError", {"value_threshold": {"upper_bound": 1.0}}),
    metric("MeanAbsoluteError"),
    metric("ExampleCount"),
    slices=((), ("origin",)),
    label="minutes",
)
CLASSES = eval_config(
    metric("SparseCategoricalAccuracy"),
    metric("SparseCategoricalCrossentropy"),
    metric("MultiClassConfusionMatrixAtThresholds", thresholds=[0.3, 0.5]),
    label="month_class",
)
CLASSES["metrics_specs"].append(
    {
        "metrics": [metric("AUC", at_least(0.1)), metric("Precision", thresholds=[0.4])],
        "aggregate": {"macro_average": True, "class_weights": {0: 1.0, 1: 2.0, 2: 1.0}},
    }
)
TRANSFORMED = eval_config(
    metric("AUC"),
    slices=((), ("hour_xf",)),
    label="late_xf",
    preprocessing_function_names=["transform_features"],
)
ROW_BY_ROW = eval_config(metric("SquaredPearsonCorrelation"), label="minutes", slices=((),))
BY_FEATURE = eval_config(metric("AUC"), signature_name="by_feature", label="late_float")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "kind", "has_baseline", "columnar"),
    [
        (BINARY, "binary", True, True),
        (SMALL_SLICES, "binary", False, False),
        (NUMBERS, "regression", True, True),
        (CLASSES, "classes", False, True),
        (TRANSFORMED, "binary", True, True),
        (ROW_BY_ROW, "regression", False, True),
        (BY_FEATURE, "binary", False, False),
    ],
    ids=["binary", "small", "numbers", "classes", "transformed", "row by row", "by feature"],
)
def test_both_engines_write_the_same(
    config: Mapping[str, Any], kind: str, has_baseline: bool, columnar: bool, tmp_path: Path
) -> None:
    path = write_examples(tmp_path / "examples", flights(300), columnar=columnar)
    rows = EvaluationRows(path, ("eval",))
    candidate = artifact(save_model(tmp_path / "candidate", kind=kind))
    baseline = artifact(save_model(tmp_path / "baseline", slope=0.4, kind=kind))
    checked = checked_config(config, has_model=True, has_baseline=has_baseline)
    models = shared_models(
        checked.proto,
        candidate,
        baseline if has_baseline else None,
        load=None,
        is_rubber_stamp=checked.is_rubber_stamp,
    )
    embedded, on_beam = tmp_path / "embedded", tmp_path / "beam"
    embedded.mkdir()
    on_beam.mkdir()
    stamp = checked.is_rubber_stamp

    evaluated = embedded_engine.evaluate(rows, checked.proto, models)
    results.write_results(evaluated.sliced, checked.proto, embedded, is_rubber_stamp=stamp)
    surveyed = beam_engine.evaluate(
        rows,
        checked.proto,
        models,
        examples=artifact(path),
        output=artifact(on_beam),
        is_rubber_stamp=stamp,
    )

    assert surveyed == evaluated.surveys
    assert_close(dict(values_of(embedded)), dict(values_of(on_beam)))
    assert plots_of(embedded) == plots_of(on_beam)
    ours, theirs = results.validation_result(embedded), results.validation_result(on_beam)
    assert ours.validation_ok == theirs.validation_ok
    assert sorted(map(str, ours.missing_slices)) == sorted(map(str, theirs.missing_slices))
    assert len(ours.metric_validations_per_slice) == len(theirs.metric_validations_per_slice)


def artifact(path: Path) -> Artifact:
    return Artifact(key="model", name="1", uri=str(path), path=path)


def values_of(output: Path) -> Iterator[tuple[tuple[str, str], Any]]:
    for message in results.metrics_of(output):
        for name in message.metrics:  # "__ERROR__", for slices that are too small
            yield (str(message.slice_key), name), metrics_for_slice_pb2.MetricValue()
        for entry in message.metric_keys_and_values:
            yield (str(message.slice_key), str(entry.key)), entry.value


def plots_of(output: Path) -> dict[str, str]:
    messages = [
        metrics_for_slice_pb2.PlotsForSlice.FromString(record)
        for file in output.glob("plots-*")
        for record in read_records(file)
    ]
    # TFMA writes a message without plots for each slice, even if there are none at all.
    return {
        str(message.slice_key): _rounded(message)
        for message in messages
        if message.plot_keys_and_values
    }


def _rounded(message: Any) -> str:
    words = str(message).split()
    return " ".join(f"{float(w):.6g}" if w[0].isdigit() and "." in w else w for w in words)


def assert_close(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    assert set(found) == set(expected)
    for key, value in expected.items():
        kind = value.WhichOneof("type")
        assert found[key].WhichOneof("type") == kind
        if kind == "double_value":
            # Keras counts in float32, TFMA on batches of 1,000 and the embedded engine of 10,000.
            np.testing.assert_allclose(
                found[key].double_value.value,
                value.double_value.value,
                rtol=2e-6,
                atol=1e-9,
                err_msg=str(key),
            )
        else:
            assert found[key] == value, key
