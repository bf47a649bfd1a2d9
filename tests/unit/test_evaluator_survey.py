"""The surveys of labels and predictions, by model and by output."""

from typing import Any

import numpy as np
from google.protobuf import json_format
from tensorflow_model_analysis.api import types
from tensorflow_model_analysis.proto import config_pb2

from headrace_components.evaluator.survey import merged, surveys, values_of
from headrace_components.evaluator.unmeasured import (
    prediction_counts,
    predictions_at_fault,
    predictions_noted,
)

NAN, INFINITY = float("nan"), float("inf")
LOSS = {"class_name": "MeanSquaredError"}
CHANGE = {"change_threshold": {"absolute": 0.1, "direction": "LOWER_IS_BETTER"}}


def config_of(**fields: Any) -> Any:
    return json_format.ParseDict(fields, config_pb2.EvalConfig())


def column(*values: float) -> Any:
    return np.array(values, np.float32)[:, np.newaxis]


def test_outputs_are_counted_each_for_itself() -> None:
    config = config_of(
        model_specs=[{"label_keys": {"near": "x", "far": "y"}}],
        metrics_specs=[{"metrics": [LOSS], "output_names": ["near", "far"]}],
    )
    predictions = {"near": column(NAN, 1, NAN), "far": column(INFINITY, 1, 2), "other": column(0)}
    labels = {"near": column(1, 2, 3), "far": column(4, 5, 6)}

    found = merged([surveys(config, labels, predictions, None)] * 2)

    assert prediction_counts(config, found) == {
        "nan_predictions_near": 4,
        "infinite_predictions_near": 0,
        "nan_predictions_far": 0,
        "infinite_predictions_far": 2,
    }
    assert list(predictions_at_fault(config, found)) == [
        "output 'near' of the model gives NaN for 4 of 6 rows"
    ]
    assert list(predictions_noted(config, found)) == [
        "Output 'far' of the model gives infinite numbers for 2 of 6 rows",
        "Output 'near' of the model gives NaN for 4 of 6 rows",
    ]


def test_a_baseline_that_predicts_nan_is_at_fault_only_where_it_is_compared_with() -> None:
    specs = [
        {"name": "candidate", "label_key": "x"},
        {"name": "baseline", "label_key": "x", "is_baseline": True},
    ]
    predictions = {"candidate": column(1, 2), "baseline": column(NAN, 2)}
    asked = {"model_names": ["candidate", "baseline"]}
    compared = config_of(
        model_specs=specs, metrics_specs=[{**asked, "metrics": [{**LOSS, "threshold": CHANGE}]}]
    )
    alone = config_of(model_specs=specs, metrics_specs=[{**asked, "metrics": [LOSS]}])

    found = merged([surveys(compared, column(1, 2), predictions, None)])

    assert list(predictions_at_fault(compared, found)) == [
        "the baseline predicts NaN for 1 of 2 rows, so no model can be compared with it"
    ]
    assert not list(predictions_at_fault(alone, found))
    counts = prediction_counts(compared, found)
    assert counts["baseline_nan_predictions"] == 1
    assert counts["nan_predictions"] == 0


def test_a_dict_of_predictions_is_counted_by_the_key_that_metrics_use() -> None:
    by_key = config_of(model_specs=[{"label_key": "x", "prediction_key": "mine"}])
    by_order = config_of(model_specs=[{"label_key": "x"}])
    predictions = {"mine": column(NAN), "scores": column(1), "logits": column(NAN)}

    mine = surveys(by_key, column(1), predictions, None)
    first = surveys(by_order, column(1), predictions, None)
    by_name = surveys(by_order, column(1), {**predictions, "all_classes": np.array([[b"a"]])}, None)

    assert [survey.predictions.num_nan for survey in (*mine, *first) if survey.predictions] == [
        1,
        0,
    ]
    assert not by_name


def test_rows_that_differ_in_length_are_counted_by_row() -> None:
    tensor = types.VarLenTensorValue(
        values=np.array([NAN, NAN, 1.0, INFINITY]),
        indices=np.array([[0, 0], [0, 1], [2, 0], [3, 0]]),
        dense_shape=np.array([4, 2]),
    )

    values = values_of(tensor)

    assert values is not None
    assert (values.width, values.num_nan, values.num_infinite) == (0, 1, 1)
