"""Contract of evaluator: its inputs, its files, and what it refuses."""

import json
import logging
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tensorflow_model_analysis as tfma
import tf_keras

from headrace_components.contract import reasons
from support.cases.evaluator import (
    at_least,
    eval_config,
    flights,
    metric,
    save_keras_model,
    save_model,
    write_examples,
)
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

AUC = metric("AUC", at_least(0.7))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("evaluator") / "model")


@pytest.fixture(scope="session")
def worse_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("evaluator") / "worse", slope=-0.2)


@pytest.fixture
def model(launcher: Launcher, model_folder: Path) -> Stored:
    return launcher.store(model_folder)


@pytest.fixture
def worse(launcher: Launcher, worse_folder: Path) -> Stored:
    return launcher.store(worse_folder)


@pytest.fixture
def examples(launcher: Launcher, tmp_path: Path) -> Stored:
    return launcher.store(write_examples(tmp_path / "examples", flights(400)))


def run(
    launcher: Launcher, config: Mapping[str, Any], /, examples: Stored, **inputs: Stored
) -> Outcome:
    return launcher.run("evaluator", {"eval_config": config}, None, examples=examples, **inputs)


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("role", ["model", "baseline_model"])
def test_damaged_variables_name_the_model(
    role: str,
    kept: float,
    launcher: Launcher,
    examples: Stored,
    model_folder: Path,
    tmp_path: Path,
) -> None:
    good = save_keras_model(tmp_path / "good")
    bad = shutil.copytree(good, tmp_path / "bad")
    variables = bad / "Format-Serving/variables/variables.data-00000-of-00001"
    content = variables.read_bytes()
    # Cut off, or with other bytes in one place.
    variables.write_bytes(content[: int(len(content) * kept)] if kept < 1 else bytes(len(content)))
    stored = {"model": launcher.store(model_folder), role: launcher.store(bad)}

    with pytest.raises(TaskFailedError) as caught:
        run(launcher, eval_config(AUC), examples=examples, **stored)

    assert re.search(
        rf"evaluator: TensorFlow [0-9.]+ cannot load `{role}` {re.escape(stored[role].uri)}: .*"
        r"Its variables are damaged or cut off: copy the model again",
        str(caught.value),
    )


def test_a_model_above_its_threshold_is_blessed(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    outcome = run(launcher, eval_config(AUC), examples, model=model)

    blessing = outcome["blessing"]
    assert [file.name for file in blessing.path.iterdir()] == ["BLESSED"]
    auc = outcome["metrics"].metadata["auc"]
    assert blessing.metadata == {
        "blessed": 1,
        "current_model": model.uri,
        "current_model_id": "42",
        "headline": '["auc"]',
        "reasons": f'["auc on all rows is {auc:.6g}, required >= 0.7"]',
    }
    content = json.loads((blessing.path / "BLESSED").read_text("utf-8"))
    assert content["model"] == model.uri
    assert content["baseline_model"] == ""
    assert abs(content["created"] - time.time()) < 600


def test_tfma_loads_the_evaluation(launcher: Launcher, examples: Stored, model: Stored) -> None:
    outcome = run(launcher, eval_config(AUC, metric("ExampleCount")), examples, model=model)

    path = str(outcome["evaluation"].path)
    result = tfma.load_eval_result(path)
    metrics = {key: values[""][""] for key, values in result.slicing_metrics}
    assert metrics[()]["example_count"]["doubleValue"] == 400
    assert set(metrics) == {(), *((("carrier", name),) for name in ("9E", "AA", "B6", "UA"))}
    assert result.config.metrics_specs[0].metrics[0].class_name == "AUC"
    assert result.model_location == f"{model.uri}/Format-Serving"
    assert result.data_location == examples.uri
    assert tfma.load_validation_result(path).validation_ok
    assert sorted(file.name for file in outcome["evaluation"].path.iterdir()) == [
        "eval_config.json",
        "metrics-00000-of-00001.tfrecord",
        "validations.tfrecord",
    ]


VARIES = {"blessing/BLESSED": "It has the time."}
VARIES_ON_BEAM = {"evaluation/*": "The order of records; test_evaluator_beam.py compares them."}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    rows = launcher.store(write_examples(tmp_path / "examples", flights(400)))

    outcome = run(
        launcher,
        eval_config(AUC),
        rows,
        model=launcher.store(save_model(tmp_path / "model")),
        baseline_model=launcher.store(save_model(tmp_path / "worse", slope=-0.2)),
    )

    assert (outcome["blessing"].path / "BLESSED").is_file()
    assert outcome["blessing"].metadata["baseline_model_id"] == "42"
    return outcome


def test_a_missed_threshold_is_named_with_slice_value_and_bound(
    launcher: Launcher, examples: Stored, model: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    outcome = run(launcher, eval_config(metric("AUC", at_least(0.99))), examples, model=model)

    assert (outcome["blessing"].path / "NOT_BLESSED").is_file()
    assert outcome["blessing"].metadata["blessed"] == 0
    assert "NOT_BLESSED: auc on all rows is 0." in caplog.text
    assert "required >= 0.99; " in caplog.text


def test_the_worst_slice_stands_first_in_the_summary(
    launcher: Launcher, examples: Stored, model: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    run(launcher, eval_config(AUC), examples, model=model)

    lines = [record.getMessage() for record in caplog.records if "=" in record.getMessage()]
    values = [float(line.split()[-1]) for line in lines if line.startswith("evaluator: carrier=")]
    assert len(values) == 4
    assert values == sorted(values)


def test_a_threshold_for_one_slice_is_checked_there(
    launcher: Launcher, examples: Stored, model: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    entry = metric("AUC")
    entry["per_slice_thresholds"] = [
        {"slicing_specs": [{"feature_values": {"carrier": "UA"}}], "threshold": at_least(0.999)}
    ]

    outcome = run(launcher, eval_config(entry), examples, model=model)

    assert outcome["blessing"].metadata["blessed"] == 0
    assert "NOT_BLESSED: auc on carrier=UA is 0." in caplog.text


def change_of(absolute: float) -> dict[str, Any]:
    return {
        "value_threshold": {"lower_bound": 0.0},
        "change_threshold": {"absolute": absolute, "direction": "HIGHER_IS_BETTER"},
    }


def test_a_model_worse_than_the_baseline_is_refused(
    launcher: Launcher,
    examples: Stored,
    model: Stored,
    worse: Stored,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    config = eval_config(metric("AUC", change_of(-0.01)), slices=((),))

    refused = run(launcher, config, examples, model=worse, baseline_model=model)
    blessed = run(launcher, config, examples, model=model, baseline_model=worse)

    change = refused["metrics"].metadata["auc_change"]
    assert refused["blessing"].metadata == {
        "blessed": 0,
        "current_model": worse.uri,
        "current_model_id": "42",
        "baseline_model": model.uri,
        "baseline_model_id": "42",
        "headline": '["auc"]',
        "reasons": f'["auc change on all rows is {change:.6g}, required a change >= -0.01"]',
    }
    assert "auc change on all rows is -0." in caplog.text
    assert "required a change >= -0.01" in caplog.text
    assert blessed["blessing"].metadata["blessed"] == 1
    results = [
        tfma.load_eval_result(str(refused["evaluation"].path), model_name=name)
        for name in ("candidate", "baseline")
    ]
    candidate, baseline = (dict(result.slicing_metrics)[()][""][""]["auc"] for result in results)
    assert candidate["doubleValue"] < 0.5 < baseline["doubleValue"]


def test_a_named_model_spec_is_compared_with_the_baseline_too(
    launcher: Launcher, examples: Stored, model: Stored, worse: Stored
) -> None:
    config = eval_config(metric("AUC", change_of(-0.01)), slices=((),), name="mine")

    outcome = run(launcher, config, examples, model=worse, baseline_model=model)

    assert outcome["blessing"].metadata["blessed"] == 0


@pytest.mark.parametrize("shape", ["shape {}", "shape { dim { size: 1 } }", ""])
def test_labels_are_read_by_a_schema_with_and_without_their_shape(
    shape: str,
    launcher: Launcher,
    examples: Stored,
    model: Stored,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/schema.pbtxt").write_text(
        f'feature {{ name: "late" type: INT presence {{ min_fraction: 1 }} {shape} }}\n'
        'feature { name: "origin" type: BYTES presence { min_fraction: 0 } }\n',
        "utf-8",
    )
    schema = launcher.store(tmp_path / "schema")

    outcome = run(launcher, eval_config(AUC), examples, model=model, schema=schema)

    assert outcome["blessing"].metadata["blessed"] == 1
    assert "on Beam" not in caplog.text


@pytest.mark.parametrize("kind", ["empty", "not found", "itself"])
def test_a_baseline_that_is_no_other_model_counts_as_none(
    kind: str,
    launcher: Launcher,
    examples: Stored,
    model: Stored,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "nothing").mkdir()
    baseline = {
        "empty": launcher.store(tmp_path / "nothing"),
        "not found": launcher.store(tmp_path / "nothing", {"found": 0}),
        "itself": model,
    }[kind]

    config = eval_config(metric("AUC", change_of(0.5)))
    outcome = run(launcher, config, examples, model=model, baseline_model=baseline)

    assert outcome["blessing"].metadata["blessed"] == 1
    assert "baseline_model" not in outcome["blessing"].metadata
    assert "change thresholds are ignored" in caplog.text


def test_a_first_model_passes_change_thresholds_alone(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    threshold = {"change_threshold": {"absolute": 0.1, "direction": "HIGHER_IS_BETTER"}}

    outcome = run(launcher, eval_config(metric("AUC", threshold)), examples, model=model)

    assert outcome["blessing"].metadata["blessed"] == 1
    assert reasons.from_metadata(outcome["blessing"].metadata) == (
        "there was no baseline to be worse than",
    )
    validation = tfma.load_validation_result(str(outcome["evaluation"].path))
    assert validation.rubber_stamp
    assert validation.validation_ok


def test_without_thresholds_nothing_is_blessed(
    launcher: Launcher, examples: Stored, model: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    outcome = run(launcher, eval_config(metric("AUC")), examples, model=model)

    assert outcome["blessing"].metadata["blessed"] == 0
    assert "NOT_BLESSED: `eval_config` sets no thresholds" in caplog.text


def test_predictions_may_be_a_feature(launcher: Launcher, examples: Stored) -> None:
    config = eval_config(metric("MeanSquaredError"), label="minutes", prediction_key="distance")

    outcome = run(launcher, config, examples)

    result = dict(tfma.load_eval_result(str(outcome["evaluation"].path)).slicing_metrics)
    assert result[()][""][""]["mean_squared_error"]["doubleValue"] > 100
    assert outcome["blessing"].metadata["blessed"] == 0
    (reason,) = reasons.from_metadata(outcome["blessing"].metadata)
    assert reason.startswith("`eval_config` sets no thresholds, so nothing was required")
    assert set(outcome["blessing"].metadata) == {"blessed", "reasons"}


def test_fairness_indicators_are_added(launcher: Launcher, examples: Stored, model: Stored) -> None:
    outcome = launcher.run(
        "evaluator",
        {"eval_config": eval_config(AUC), "fairness_indicator_thresholds": [0.25]},
        examples=examples,
        model=model,
    )

    result = dict(tfma.load_eval_result(str(outcome["evaluation"].path)).slicing_metrics)
    rate = result[()][""][""]["fairness_indicators_metrics/false_positive_rate@0.25"]
    assert 0 < rate["doubleValue"] < 1


def test_several_splits_are_one_evaluation(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    write_examples(tmp_path / "examples", flights(30), split="eval")
    write_examples(tmp_path / "examples", flights(20, seed=1), split="test", columnar=False)
    rows = launcher.store(tmp_path / "examples")

    outcome = launcher.run(
        "evaluator",
        {
            "eval_config": eval_config(metric("ExampleCount"), slices=((),)),
            "example_splits": ["eval", "test"],
        },
        examples=rows,
        model=model,
    )

    result = dict(tfma.load_eval_result(str(outcome["evaluation"].path)).slicing_metrics)
    assert result[()][""][""]["example_count"]["doubleValue"] == 50


@pytest.mark.slow
def test_a_keras_3_model_is_evaluated(launcher: Launcher, examples: Stored, tmp_path: Path) -> None:
    keras_model = launcher.store(save_keras_model(tmp_path / "keras"))

    outcome = run(launcher, eval_config(AUC), examples, model=keras_model)

    assert outcome["blessing"].metadata["blessed"] == 1


MODULE = """
import tensorflow_model_analysis as tfma

def custom_eval_shared_model(eval_saved_model_path, model_name, eval_config, **kwargs):
    print("loading", model_name)
    return tfma.default_eval_shared_model(
        eval_saved_model_path=eval_saved_model_path, model_name=model_name, eval_config=eval_config
    )

def custom_extractors(eval_shared_model, eval_config, tensor_adapter_config):
    return tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
"""


@pytest.mark.slow
def test_custom_functions_are_called(
    launcher: Launcher,
    examples: Stored,
    model: Stored,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    module = tmp_path / "module.py"
    module.write_text(MODULE, "utf-8")

    outcome = launcher.run(
        "evaluator",
        {"eval_config": eval_config(AUC), "module_file": str(module)},
        examples=examples,
        model=model,
    )

    assert outcome["blessing"].metadata["blessed"] == 1
    assert "loading" in capsys.readouterr().out
    assert "with TFMA on Beam: it has custom extractors" in caplog.text


@pytest.mark.slow
def test_confidence_intervals_come_from_tfma_on_beam(
    launcher: Launcher, examples: Stored, model: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = eval_config(AUC, slices=((),))
    config["options"] = {"compute_confidence_intervals": True}

    outcome = run(launcher, config, examples, model=model)

    result = dict(tfma.load_eval_result(str(outcome["evaluation"].path)).slicing_metrics)
    assert "boundedValue" in result[()][""][""]["auc"]
    assert "with TFMA on Beam: it asks for confidence intervals" in caplog.text


def test_an_empty_config_is_refused(launcher: Launcher, examples: Stored, model: Stored) -> None:
    with pytest.raises(TaskFailedError, match=r"evaluator: `eval_config` is \{\}, so there is"):
        run(launcher, {}, examples, model=model)


def test_an_unknown_field_is_named_with_a_near_one(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    config = {**eval_config(AUC), "metric_specs": []}

    with pytest.raises(
        TaskFailedError, match=r"has the field 'metric_specs', .* mean 'metrics_specs'"
    ):
        run(launcher, config, examples, model=model)


def test_an_unknown_field_deep_down_is_placed(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    config = eval_config(metric("AUC", {"value_threshold": {"lower": 0.5}}))

    with pytest.raises(
        TaskFailedError,
        match=r"eval_config.metrics_specs\[0\].metrics\[0\].threshold.value_threshold has the "
        r"field 'lower'.*Did you mean 'lower_bound'",
    ):
        run(launcher, config, examples, model=model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"absolute": -0.01}, "has no `direction`, so no model passes"),
        ({"direction": "HIGHER_IS_BETTER"}, "has a `direction` and neither `absolute` nor `relat"),
    ],
)
def test_a_change_threshold_that_decides_nothing_is_refused_with_and_without_a_baseline(
    change: Mapping[str, Any], message: str, launcher: Launcher, examples: Stored, model: Stored
) -> None:
    config = eval_config(metric("AUC", {**at_least(0.0), "change_threshold": change}))
    place = r"metric 'AUC' at eval_config.metrics_specs\[0\].metrics\[0\].threshold.change_thresh"

    for baseline in ({}, {"baseline_model": model}):
        with pytest.raises(TaskFailedError, match=f"{place}old {message}"):
            run(launcher, config, examples, model=model, **baseline)


def test_an_unknown_metric_is_named_with_a_near_one(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    with pytest.raises(TaskFailedError, match=r"metric 'BinaryAcuracy'.* mean 'BinaryAccuracy'"):
        run(launcher, eval_config(metric("BinaryAcuracy")), examples, model=model)


def test_a_metric_config_that_is_not_json_is_shown(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    entry = {"class_name": "Precision", "config": "{thresholds: [0.5]}"}

    with pytest.raises(TaskFailedError, match=r"config of metric Precision is .* not JSON"):
        run(launcher, eval_config(entry), examples, model=model)


def test_a_metric_argument_that_does_not_exist_is_shown(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    with pytest.raises(TaskFailedError, match=r"metric AUC with config .*bins.* cannot be made"):
        run(launcher, eval_config(metric("AUC", bins=3)), examples, model=model)


def test_a_label_that_no_row_has_is_named(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    with pytest.raises(
        TaskFailedError, match=r"`label_key` is 'latee', which no row .* mean 'late'"
    ):
        run(launcher, eval_config(AUC, label="latee"), examples, model=model)


@pytest.mark.parametrize("nothing", [None, []])
def test_a_label_that_some_rows_lack_is_refused(
    nothing: Any, launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    columns = flights(10)
    columns["late"][3] = nothing
    rows = launcher.store(write_examples(tmp_path / "examples", columns))

    with pytest.raises(TaskFailedError, match=r"label 'late' is missing in 1 of 10 rows"):
        run(launcher, eval_config(AUC), rows, model=model)


def test_a_slice_feature_that_no_row_has_is_named(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    with pytest.raises(
        TaskFailedError,
        match=r"a feature of `slicing_specs` is 'carier', .* mean 'carrier'",
    ):
        run(launcher, eval_config(AUC, slices=(("carier",),)), examples, model=model)


def test_no_model_and_no_predictions_is_refused(launcher: Launcher, examples: Stored) -> None:
    with pytest.raises(TaskFailedError, match=r"no model, and `eval_config` names no predict"):
        run(launcher, eval_config(AUC), examples)


def test_a_signature_that_the_model_lacks_is_refused(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    config = eval_config(AUC, signature_name="serving")

    with pytest.raises(
        TaskFailedError, match=r"no signature 'serving'; it has \['by_feature', 'serving_default'"
    ):
        run(launcher, config, examples, model=model)


def test_a_model_that_is_no_saved_model_is_refused(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    (tmp_path / "model/Format-Serving").mkdir(parents=True)
    (tmp_path / "model/Format-Serving/model.pkl").write_bytes(b"")

    with pytest.raises(TaskFailedError, match=r"has no Format-Serving/saved_model.pb"):
        run(launcher, eval_config(AUC), examples, model=launcher.store(tmp_path / "model"))


def test_a_missing_split_is_named(launcher: Launcher, examples: Stored, model: Stored) -> None:
    with pytest.raises(TaskFailedError, match=r"split 'test' is not in .*\['eval'\]"):
        launcher.run(
            "evaluator",
            {"eval_config": eval_config(AUC), "example_splits": ["test"]},
            examples=examples,
            model=model,
        )


@pytest.mark.parametrize("columnar", [True, False])
def test_an_empty_split_is_refused(
    columnar: bool, launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    rows = launcher.store(write_examples(tmp_path / "examples", {}, columnar=columnar))

    with pytest.raises(TaskFailedError, match=r"splits \['eval'\] of .* hold no rows"):
        run(launcher, eval_config(AUC), rows, model=model)


def test_classes_given_to_a_metric_of_two_are_refused(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    with pytest.raises(TaskFailedError, match=r"metric of two classes met the label 2, expected"):
        run(launcher, eval_config(AUC, label="month_class"), examples, model=model)


def test_examples_that_the_model_cannot_take_are_refused(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    rows = launcher.store(write_examples(tmp_path / "examples", {"late": [0, 1]}))

    with pytest.raises(TaskFailedError, match=r"a model stopped on the examples: .*distance"):
        run(launcher, eval_config(AUC, slices=((),)), rows, model=model)


def test_a_model_that_predicts_nan_is_refused(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    broken = launcher.store(save_model(tmp_path / "broken", slope=float("nan")))

    with pytest.raises(TaskFailedError, match=r"predicts NaN for 400 of 400 values"):
        run(launcher, eval_config(AUC), examples, model=broken)


NEVER_MISSED = {"value_threshold": {"upper_bound": 1e9}}
WITH_BEAM = {"embedded": [], "Beam": ["--runner=DirectRunner"]}


def with_nan(name: str, *places: int) -> dict[str, list[Any]]:
    columns = flights(60)
    for place in places:
        columns[name][place] = float("nan")
    return columns


@pytest.mark.parametrize("engine", WITH_BEAM)
def test_a_model_that_predicts_nan_for_a_row_is_not_blessed_and_the_rows_are_counted(
    engine: str, launcher: Launcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rows = launcher.store(write_examples(tmp_path / "examples", with_nan("distance", 3, 40)))
    regression = launcher.store(save_model(tmp_path / "model", kind="regression"))
    config = eval_config(metric("MeanSquaredError", NEVER_MISSED), label="minutes", slices=((),))

    outcome = launcher.run(
        "evaluator",
        {"eval_config": config, "beam_pipeline_args": WITH_BEAM[engine]},
        examples=rows,
        model=regression,
    )

    assert outcome["blessing"].metadata["blessed"] == 0
    assert "NOT_BLESSED: the model predicts NaN for 2 of 60 rows" in caplog.text
    assert outcome["evaluation"].metadata["nan_predictions"] == 2
    assert outcome["evaluation"].metadata["infinite_predictions"] == 0
    report = outcome["report"].path.read_text("utf-8")
    assert "The model predicts NaN for 2 of 60 rows. Metrics may leave those rows out." in report


def test_no_model_is_blessed_beside_a_baseline_that_predicts_nan(
    launcher: Launcher, examples: Stored, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    good = launcher.store(save_model(tmp_path / "good", kind="regression"))
    broken = launcher.store(save_model(tmp_path / "broken", slope=float("nan"), kind="regression"))
    change = {"change_threshold": {"absolute": 1e9, "direction": "LOWER_IS_BETTER"}}
    values = metric("MeanSquaredError", NEVER_MISSED)
    config = eval_config(values, metric("MeanAbsoluteError", change), label="minutes", slices=((),))

    outcome = run(launcher, config, examples, model=good, baseline_model=broken)

    assert outcome["blessing"].metadata["blessed"] == 0
    assert "the baseline predicts NaN for 400 of 400 rows, so no model can be comp" in caplog.text
    assert outcome["evaluation"].metadata["baseline_nan_predictions"] == 400


@pytest.mark.parametrize("engine", WITH_BEAM)
def test_a_metric_of_decisions_is_refused_for_a_model_that_predicts_nan(
    engine: str, launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    rows = launcher.store(write_examples(tmp_path / "examples", with_nan("distance", 3, 40)))

    with pytest.raises(TaskFailedError, match=r"metric AUC .* model predicts NaN for 2 of 60 val"):
        launcher.run(
            "evaluator",
            {"eval_config": eval_config(AUC), "beam_pipeline_args": WITH_BEAM[engine]},
            examples=rows,
            model=model,
        )


def test_infinite_predictions_are_counted(launcher: Launcher, tmp_path: Path) -> None:
    columns = flights(60)
    columns["distance"][5] = float("inf")
    rows = launcher.store(write_examples(tmp_path / "examples", columns))
    regression = launcher.store(save_model(tmp_path / "model", kind="regression"))
    config = eval_config(metric("MeanSquaredError", NEVER_MISSED), label="minutes", slices=((),))

    outcome = run(launcher, config, rows, model=regression)

    assert outcome["blessing"].metadata["blessed"] == 0
    assert outcome["evaluation"].metadata["infinite_predictions"] == 1
    assert "The model predicts infinite numbers for 1 of 60 rows" in (
        outcome["report"].path.read_text("utf-8")
    )


@pytest.mark.parametrize("slices", [((),), (("carrier",),)], ids=["all rows", "slices"])
def test_a_first_model_whose_metric_is_nan_is_not_blessed(
    slices: Any,
    launcher: Launcher,
    model: Stored,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    columns = {**flights(60), "late": [0] * 60}
    rows = launcher.store(write_examples(tmp_path / "examples", columns))
    threshold = {"change_threshold": {"absolute": 0.1, "direction": "HIGHER_IS_BETTER"}}
    config = eval_config(metric("MissRate", threshold), slices=slices, name="mine")

    outcome = run(launcher, config, rows, model=model)

    assert outcome["blessing"].metadata["blessed"] == 0
    assert "miss_rate on " in caplog.text
    assert " is nan, so no later model could be compared with this one" in caplog.text


@pytest.mark.parametrize("has_baseline", [True, False])
@pytest.mark.parametrize(
    "threshold",
    [at_least(0.0), {"change_threshold": {"absolute": -1, "direction": "HIGHER_IS_BETTER"}}],
    ids=["value", "change"],
)
def test_a_threshold_on_a_slice_without_rows_keeps_a_model_from_its_blessing(
    threshold: Any,
    has_baseline: bool,
    launcher: Launcher,
    examples: Stored,
    model: Stored,
    worse: Stored,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    entry = metric("AUC")
    entry["per_slice_thresholds"] = [
        {"slicing_specs": [{"feature_values": {"carrier": "ZZ"}}], "threshold": threshold}
    ]
    baseline = {"baseline_model": worse} if has_baseline else {}

    outcome = run(launcher, eval_config(entry), examples, model=model, **baseline)

    assert outcome["blessing"].metadata["blessed"] == 0
    assert "no row is in the slice carrier=ZZ, for which there is a threshold" in caplog.text


@pytest.mark.parametrize("engine", WITH_BEAM)
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("minutes", float("nan"), r"the label 'minutes' is NaN in 1 of 60 rows"),
        ("weight", float("nan"), r"the example weight 'weight' is NaN or infinite in 1 of 60 rows"),
        ("weight", float("inf"), r"the example weight 'weight' is NaN or infinite in 1 of 60 rows"),
        ("weight", None, r"the example weight 'weight' is missing in 1 of 60 rows"),
    ],
)
def test_a_label_or_a_weight_that_is_no_number_in_some_rows_is_refused(
    engine: str,
    name: str,
    value: Any,
    message: str,
    launcher: Launcher,
    tmp_path: Path,
) -> None:
    columns = flights(60)
    columns[name][7] = value
    rows = launcher.store(write_examples(tmp_path / "examples", columns))
    regression = launcher.store(save_model(tmp_path / "model", kind="regression"))
    config = eval_config(
        metric("MeanSquaredError", NEVER_MISSED),
        label="minutes",
        slices=((),),
        example_weight_key="weight",
    )

    with pytest.raises(TaskFailedError, match=message):
        launcher.run(
            "evaluator",
            {"eval_config": config, "beam_pipeline_args": WITH_BEAM[engine]},
            examples=rows,
            model=regression,
        )


@pytest.mark.parametrize("engine", WITH_BEAM)
@pytest.mark.parametrize(
    ("name", "label", "kind", "message"),
    [
        ("CategoricalAccuracy", "month_class", "classes", "Take SparseCategoricalAccuracy"),
        ("AUC", "month_class", "binary", "metric of two classes met the label 2, expected"),
        ("AUC", "late", "regression", "takes probabilities, and the model predicts numbers from"),
    ],
)
def test_both_engines_refuse_a_metric_that_labels_do_not_suit(
    engine: str,
    name: str,
    label: str,
    kind: str,
    message: str,
    launcher: Launcher,
    examples: Stored,
    tmp_path: Path,
) -> None:
    saved = launcher.store(save_model(tmp_path / "model", kind=kind))

    with pytest.raises(TaskFailedError, match=f"evaluator: metric {name} .*{message}"):
        launcher.run(
            "evaluator",
            {
                "eval_config": eval_config(metric(name), label=label, slices=((),)),
                "beam_pipeline_args": WITH_BEAM[engine],
            },
            examples=examples,
            model=saved,
        )


@pytest.mark.parametrize("engine", WITH_BEAM)
def test_a_slice_whose_name_is_no_text_is_refused(
    engine: str, launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    columns = flights(60)
    columns["carrier"][4] = b"\xff\xfe"
    rows = launcher.store(write_examples(tmp_path / "examples", columns))

    with pytest.raises(
        TaskFailedError, match=r"'carrier' of `slicing_specs` has the value b'\\xff\\xfe' .* UTF-8"
    ):
        launcher.run(
            "evaluator",
            {"eval_config": eval_config(AUC), "beam_pipeline_args": WITH_BEAM[engine]},
            examples=rows,
            model=model,
        )


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC carrier", "Syntax error"),
        ("SELECT STRUCT(carier) FROM example.carier", "carier"),
    ],
)
def test_sql_of_slices_that_cannot_be_run_is_shown_with_the_reason(
    sql: str, message: str, launcher: Launcher, examples: Stored, model: Stored
) -> None:
    config = {**eval_config(AUC), "slicing_specs": [{"slice_keys_sql": sql}]}

    with pytest.raises(TaskFailedError, match=f"the SQL of `slicing_specs`, .*{message}"):
        run(launcher, config, examples, model=model)


def test_settings_that_tfma_cannot_plan_are_refused_with_its_reason(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    config = eval_config(metric("Precision", thresholds=[0.1], num_thresholds=5))

    with pytest.raises(
        TaskFailedError, match=r"metric Precision with config .*.metrics_specs\[0\] says: only one"
    ):
        run(launcher, config, examples, model=model)


def save_keras_2_model(model: Path, feature: str) -> Path:
    inputs = tf_keras.Input((1,), name=feature)
    network = tf_keras.Model(inputs, tf_keras.layers.Dense(1, activation="sigmoid")(inputs))
    network.save(str(model / "Format-Serving"), save_format="tf")
    return model


@pytest.mark.parametrize("engine", WITH_BEAM)
@pytest.mark.parametrize("feature", ["carrier", "not_there"])
def test_a_keras_2_model_that_does_not_take_the_examples_is_refused_with_what_it_takes(
    engine: str, feature: str, launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    keras_model = launcher.store(save_keras_2_model(tmp_path / "keras", feature))

    with pytest.raises(
        TaskFailedError,
        match=rf"a model stopped on the examples: .* It takes {feature} \(float32 of shape",
    ):
        launcher.run(
            "evaluator",
            {"eval_config": eval_config(AUC), "beam_pipeline_args": WITH_BEAM[engine]},
            examples=examples,
            model=keras_model,
        )


@pytest.mark.parametrize("engine", WITH_BEAM)
def test_a_baseline_that_no_longer_runs_is_named_as_the_baseline(
    engine: str, launcher: Launcher, examples: Stored, model: Stored, tmp_path: Path
) -> None:
    gone = launcher.store(save_keras_2_model(tmp_path / "gone", "not_there"))

    with pytest.raises(
        TaskFailedError,
        match=r"the baseline .*Format-Serving stopped on .* compare with another baseline, or none",
    ):
        launcher.run(
            "evaluator",
            {"eval_config": eval_config(AUC), "beam_pipeline_args": WITH_BEAM[engine]},
            examples=examples,
            model=model,
            baseline_model=gone,
        )


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("saved_model.pb", "is not a SavedModel .* It is the baseline, "),
        ("variables/variables.index", "cannot load `baseline_model` .* variables are damaged"),
    ],
)
def test_a_damaged_baseline_is_named_as_the_baseline(
    file: str, message: str, launcher: Launcher, examples: Stored, model: Stored, tmp_path: Path
) -> None:
    damaged = save_keras_2_model(tmp_path / "damaged", "distance") / "Format-Serving" / file
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    baseline = launcher.store(tmp_path / "damaged")

    with pytest.raises(TaskFailedError, match=message):
        run(launcher, eval_config(AUC), examples, model=model, baseline_model=baseline)


def test_a_metric_that_does_not_suit_the_predictions_is_named(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    classes = launcher.store(save_model(tmp_path / "classes", kind="classes"))
    config = eval_config(metric("SquaredPearsonCorrelation"), label="carrier")

    with pytest.raises(TaskFailedError, match=r"squared_pearson_correlation stopped on the label"):
        run(launcher, config, examples, model=classes)


def test_a_transformed_label_that_the_model_does_not_make_is_named(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    config = eval_config(
        AUC, label="late_tx", preprocessing_function_names=["transform_features"], slices=((),)
    )

    with pytest.raises(TaskFailedError, match=r"`label_key` is 'late_tx', which no row"):
        run(launcher, config, examples, model=model)


def test_a_preprocessing_function_that_the_model_lacks_is_refused(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    config = eval_config(AUC, preprocessing_function_names=["transform"])

    with pytest.raises(TaskFailedError, match=r"no preprocessing function 'transform'; it has"):
        run(launcher, config, examples, model=model)


def test_a_fairness_threshold_of_one_is_refused(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    with pytest.raises(TaskFailedError, match=r"`fairness_indicator_thresholds` has \[1.0\]"):
        launcher.run(
            "evaluator",
            {"eval_config": eval_config(AUC), "fairness_indicator_thresholds": [0.5, 1]},
            examples=examples,
            model=model,
        )
