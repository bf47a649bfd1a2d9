"""Evaluator on Beam has the same results as the embedded engine."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace_components.contract.task import main
from headrace_components.evaluator import results
from headrace_components.evaluator.executor import execute
from support.cases.evaluator import (
    at_least,
    eval_config,
    flights,
    metric,
    save_model,
    write_examples,
)
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError
from support.programs.beam_clusters import cluster, executor_input

IN_MEMORY = ["--runner=DirectRunner"]
PROCESSES = [*IN_MEMORY, "--direct_running_mode=multi_processing", "--direct_num_workers=1"]
CHANGE = {"change_threshold": {"absolute": -0.1, "direction": "HIGHER_IS_BETTER"}}

# A metric in a file beside the module, which passes its plain name to TFMA.
METRICS = """
import apache_beam as beam
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types
from tfx.components.trainer.fn_args_utils import FnArgs

HALF = tf.constant(0.5)


class Above(beam.CombineFn):
    def __init__(self, key):
        self._key = key

    def create_accumulator(self):
        return 0

    def add_input(self, count, inputs):
        return count + int(inputs.prediction.item() > HALF.numpy() and FnArgs is not None)

    def merge_accumulators(self, counts):
        return sum(counts)

    def extract_output(self, count):
        return {self._key: count}


def computations(name):
    key = metric_types.MetricKey(name=name)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=Above(key))]


class NumAbove(tfma.metrics.Metric):
    def __init__(self, name="num_above"):
        super().__init__(computations, name=name)
"""

MODULE = """
import apache_beam as beam
import tensorflow_model_analysis as tfma
from tfx import v1 as tfx


def seen(extracts):
    assert tfx.components.FnArgs
    return extracts


def custom_extractors(eval_shared_model, eval_config, tensor_adapter_config):
    extractors = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    return [*extractors, tfma.extractors.Extractor("Seen", beam.Map(seen))]
"""


@pytest.fixture
def model(launcher: Launcher, tmp_path: Path) -> Stored:
    return launcher.store(save_model(tmp_path / "model"))


@pytest.fixture
def examples(launcher: Launcher, tmp_path: Path) -> Stored:
    return launcher.store(write_examples(tmp_path / "examples", flights(400)))


def test_beam_writes_what_the_embedded_engine_writes(
    launcher: Launcher, examples: Stored, model: Stored, tmp_path: Path
) -> None:
    config = eval_config(
        metric("AUC", {**at_least(0.5), **CHANGE}),
        metric("ExampleCount"),
        metric("Calibration"),
        metric("ConfusionMatrixPlot"),
        slices=((), ("carrier",), ("origin",)),
        example_weight_key="weight",
    )
    baseline = launcher.store(save_model(tmp_path / "baseline", slope=0.4))
    wired = {"examples": examples, "model": model, "baseline_model": baseline}

    embedded = run(launcher, config, wired)
    on_beam = run(launcher, config, wired, beam_pipeline_args=IN_MEMORY)

    # TFMA writes a file of attributions even if there are none.
    attributions = "attributions-00000-of-00001.tfrecord"
    assert names(on_beam, "evaluation") == sorted([attributions, *names(embedded, "evaluation")])
    assert names(embedded, "blessing") == names(on_beam, "blessing")
    check_metrics_agree(embedded, on_beam)
    ours, theirs = (results.validation_result(o["evaluation"].path) for o in (embedded, on_beam))
    assert ours.validation_ok == theirs.validation_ok
    assert len(ours.metric_validations_per_slice) == len(theirs.metric_validations_per_slice)
    assert embedded["metrics"].metadata.keys() == on_beam["metrics"].metadata.keys()
    assert b"Every threshold holds" in on_beam["report"].path.read_bytes()


@pytest.mark.slow
def test_metrics_and_extractors_of_the_author_reach_processes(
    launcher: Launcher, examples: Stored, model: Stored, tmp_path: Path
) -> None:
    (tmp_path / "module.py").write_text(MODULE, "utf-8")
    (tmp_path / "our_metrics.py").write_text(METRICS, "utf-8")
    config = eval_config({"class_name": "NumAbove", "module": "our_metrics"}, slices=((),))

    outcome = run(
        launcher,
        config,
        {"examples": examples, "model": model},
        module_file=str(tmp_path / "module.py"),
        beam_pipeline_args=PROCESSES,
    )

    # The model's score is above a half where the distance is above 0.8.
    expected = sum(distance > 0.8 for distance in flights(400)["distance"])
    assert values(outcome)[""]["num_above"] == expected


def test_a_cluster_evaluates_beside_a_baseline(tmp_path: Path) -> None:
    write_examples(tmp_path / "examples", flights(400))
    save_model(tmp_path / "model")
    save_model(tmp_path / "baseline_model", slope=-0.2)
    (tmp_path / "module.py").write_text(MODULE, "utf-8")
    with cluster() as args:
        parameters = {
            "eval_config": eval_config(metric("AUC", {**at_least(0.7), **CHANGE})),
            "module_file": str(tmp_path / "module.py"),
            "beam_pipeline_args": args,
        }
        wired = ["examples", "model", "baseline_model"]
        message = executor_input(
            "evaluator", str(tmp_path), tmp_path / "output.json", parameters, wired
        )
        code = main("evaluator", execute, ["--executor_input", message])

    assert code == 0
    assert results.validation_result(tmp_path / "evaluation").validation_ok
    assert (tmp_path / "blessing/BLESSED").is_file()
    assert not list(tmp_path.rglob(".headrace-beam-*"))


@pytest.mark.slow
def test_a_threshold_on_slices_compared_with_each_other_passes_where_it_holds(
    launcher: Launcher, examples: Stored, model: Stored
) -> None:
    carriers = {"baseline_spec": {}, "slicing_specs": [{"feature_keys": ["carrier"]}]}
    origins = {"baseline_spec": {}, "slicing_specs": [{"feature_keys": ["origin"]}]}

    def config(lower: float, *required: Mapping[str, Any]) -> dict[str, Any]:
        threshold = {"value_threshold": {"lower_bound": lower}}
        limits = [{"cross_slicing_specs": required, "threshold": threshold}]
        auc = {**metric("AUC", at_least(0.1)), "cross_slice_thresholds": limits}
        return {**eval_config(auc, slices=((), ("carrier",))), "cross_slicing_specs": [carriers]}

    wired = {"examples": examples, "model": model}

    held = run(launcher, config(-1.0, carriers), wired)
    worse = run(launcher, config(0.9, carriers), wired)
    absent = run(launcher, config(-1.0, origins), wired)

    validation = results.validation_result(held["evaluation"].path)
    found = {
        str(details.cross_slicing_spec): details.num_matching_slices
        for details in validation.validation_details.slicing_details
    }
    num_carriers = sum(
        message.HasField("cross_slice_key")
        for message in results.metrics_of(held["evaluation"].path)
    )
    assert validation.validation_ok
    assert num_carriers > 1
    assert sorted(found.values()) == [1, num_carriers]
    assert names(held, "blessing") == ["BLESSED"]
    assert names(worse, "blessing") == ["NOT_BLESSED"]
    assert b"auc on carrier=AA against all rows is " in worse["report"].path.read_bytes()
    assert names(absent, "blessing") == ["NOT_BLESSED"]
    reason = b"origin=* against all rows has a threshold and is not in `cross_slicing_specs`"
    assert reason in absent["report"].path.read_bytes()


def test_a_metric_module_that_does_not_load_is_told(
    launcher: Launcher, examples: Stored, model: Stored, tmp_path: Path
) -> None:
    (tmp_path / "module.py").write_text(MODULE, "utf-8")
    (tmp_path / "broken_metrics.py").write_text("import beam\n", "utf-8")
    config = eval_config({"class_name": "NumAbove", "module": "broken_metrics"})

    message = r"metric NumAbove .* module 'broken_metrics' cannot be made: No module named 'beam'"
    with pytest.raises(TaskFailedError, match=message):
        run(
            launcher,
            config,
            {"examples": examples, "model": model},
            module_file=str(tmp_path / "module.py"),
        )


def test_a_label_that_some_rows_lack_is_found_by_the_workers(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    columns = flights(10)
    columns["late"][3] = None
    rows = launcher.store(write_examples(tmp_path / "incomplete", columns))

    message = r"evaluator: the label 'late' is missing in 1 of 10 rows of a batch of splits \['eval"
    with pytest.raises(TaskFailedError, match=message):
        run(
            launcher,
            eval_config(metric("AUC")),
            {"examples": rows, "model": model},
            beam_pipeline_args=IN_MEMORY,
        )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            eval_config(metric("AUC"), label="latee"),
            r"`label_key` is 'latee', which no row .* mean 'late'",
        ),
        (
            eval_config(metric("ExampleCount"), slices=(("carier",),)),
            r"a feature of `slicing_specs` is 'carier', which no row .* mean 'carrier'",
        ),
    ],
    ids=["label", "slice"],
)
def test_a_feature_that_no_row_has_is_named(
    launcher: Launcher, examples: Stored, model: Stored, config: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        run(
            launcher,
            config,
            {"examples": examples, "model": model},
            beam_pipeline_args=IN_MEMORY,
        )


def run(
    launcher: Launcher,
    config: Mapping[str, Any],
    wired: Mapping[str, Stored],
    *,
    module_file: str = "",
    beam_pipeline_args: Sequence[str] = (),
) -> Outcome:
    parameters = {
        "eval_config": config,
        "module_file": module_file,
        "beam_pipeline_args": list(beam_pipeline_args),
    }
    return launcher.run("evaluator", parameters, None, **wired)


def names(outcome: Outcome, port: str) -> list[str]:
    return sorted(path.name for path in outcome[port].path.iterdir())


def check_metrics_agree(ours: Outcome, theirs: Outcome) -> None:
    left, right = values(ours), values(theirs)
    assert left.keys() == right.keys()
    for part, metrics in left.items():
        assert metrics.keys() == right[part].keys()
        for name, value in metrics.items():
            np.testing.assert_allclose(value, right[part][name], rtol=2e-6, err_msg=name)


def values(outcome: Outcome) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for message in results.metrics_of(outcome["evaluation"].path):
        part = json.dumps([str(key) for key in message.slice_key.single_slice_keys] or "")
        part = "" if part == '""' else part
        for entry in message.metric_keys_and_values:
            key = entry.key
            model = f"{key.model_name}/" if key.model_name else ""
            diff = "diff/" if key.is_diff else ""
            found.setdefault(part, {})[f"{diff}{model}{key.name}"] = entry.value.double_value.value
    return found
