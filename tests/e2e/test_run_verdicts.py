# mypy: disallow-untyped-decorators=False, disallow-untyped-defs=False, disallow-any-generics=False
# mypy: disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Whole runs that end badly, and what a person reads at their end."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import headrace

HEADRACE = str(Path(sys.executable).with_name("headrace"))

MODULE = """
import keras
import tensorflow as tf
from tfx_bsl.public import tfxio
from tensorflow_metadata.proto.v0 import schema_pb2
from google.protobuf import text_format


def run_fn(fn_args):
    with open(fn_args.schema_path) as file:
        schema = text_format.Parse(file.read(), schema_pb2.Schema())
    options = tfxio.TensorFlowDatasetOptions(batch_size=10, label_key="late", shuffle_seed=1)
    rows = fn_args.data_accessor.tf_dataset_factory(fn_args.train_files, options, schema)
    keras.utils.set_random_seed(1)
    hour = keras.Input((1,), name="hour", dtype="float32")
    model = keras.Model({"hour": hour}, keras.layers.Dense(1)(hour))
    rate = fn_args.custom_config["rate"]
    model.compile(keras.optimizers.SGD(rate), "mse")
    rows = rows.map(lambda x, y: ({"hour": x["hour"]}, tf.cast(y, tf.float32)))
    model.fit(rows, steps_per_epoch=20, epochs=3, verbose=0)

    class Served(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            spec = {"hour": tf.io.FixedLenFeature([1], tf.float32)}
            if fn_args.custom_config.get("broken"):
                spec["missing"] = tf.io.FixedLenFeature([1], tf.float32)
            return {"output": model(tf.io.parse_example(examples, spec)["hour"])}

    served = Served()
    served.model = model
    signature = served.serve.get_concrete_function()
    tf.saved_model.save(served, fn_args.serving_model_dir, {"serving_default": signature})
"""

PIPELINE = """
from kfp import dsl
from headrace_components.catalog import (
    csv_example_gen, distribution_validator, evaluator, example_validator, import_schema_gen,
    infra_validator, latest_blessed_model, pusher, statistics_gen, trainer,
)

EVAL = {
    "model_specs": [{"label_key": "late"}],
    "metrics_specs": [{"metrics": [{
        "class_name": "MeanSquaredError",
        "threshold": {"value_threshold": {"upper_bound": 0.3},
                      "change_threshold": {"absolute": 0.001, "direction": "LOWER_IS_BETTER"}},
    }]}],
}
MOVED = {"default_slice_config": {"feature": [{
    "path": {"step": ["hour"]},
    "distribution_comparator": {"jensen_shannon_divergence": {"threshold": 0.05}},
}]}}


@dsl.pipeline(name="late")
def late(data: str, usual: str, schema: str, config: dict):
    examples = csv_example_gen(input_base=data).outputs["examples"]
    statistics = statistics_gen(examples=examples).outputs["statistics"]
    before = csv_example_gen(input_base=usual).set_display_name("usual").outputs["examples"]
    known = statistics_gen(examples=before).outputs["statistics"]
    expected = import_schema_gen(schema_file=schema).outputs["schema"]
    example_validator(statistics=statistics, schema=expected)
    distribution_validator(
        statistics=statistics, baseline_statistics=known, config=MOVED,
        include_split_pairs=[["train", "train"]],
    )
    model = trainer(
        examples=examples, schema=expected, module_file="module.py", custom_config=config,
    ).outputs["model"]
    verdict = evaluator(
        examples=examples, model=model, eval_config=EVAL, schema=expected,
        baseline_model=latest_blessed_model().outputs["model"],
    )
    served = infra_validator(
        model=model, examples=examples, request_spec={"num_examples": 1, "split_name": "eval"},
        validation_spec={"num_tries": 1}, model_server="embedded",
    )
    pusher(
        model=model, model_blessing=verdict.outputs["blessing"],
        infra_blessing=served.outputs["blessing"], base_directory="serving",
    )
"""

SCHEMA = """
feature { name: "hour" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "late" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } }
  int_domain { min: 0 max: 1 } }
"""


def write_rows(folder: Path, shift: float = 0.0, label: int = 1) -> str:
    folder.mkdir()
    lines = [f"{n % 24 / 24 + shift + 0.001},{n % 24 // 12 * label}" for n in range(600)]
    (folder / "rows.csv").write_text("\n".join(["hour,late", *lines]) + "\n", "utf-8")
    return str(folder)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a project"
    folder.mkdir()
    (folder / "module.py").write_text(MODULE, "utf-8")
    (folder / "pipeline.py").write_text(PIPELINE, "utf-8")
    (folder / "schema.pbtxt").write_text(SCHEMA, "utf-8")
    write_rows(folder / "usual")
    write_rows(folder / "moved", shift=3.0, label=2)
    monkeypatch.chdir(folder)
    return folder


def run(project: Path, data: str, **config: object) -> "subprocess.CompletedProcess[str]":
    values = {
        "data": data,
        "usual": "usual",
        "schema": "schema.pbtxt",
        "config": json.dumps(config),
    }
    given = [word for name, value in values.items() for word in ("-p", f"{name}={value}")]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(
        [HEADRACE, "run", "pipeline.py", *given],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def ending(ran: "subprocess.CompletedProcess[str]") -> str:
    """Returns what stands after the summary of the run."""
    assert ran.returncode == 0, ran.stderr
    return ran.stderr.rpartition(" succeeded in ")[2]


@pytest.mark.slow
def test_runs_end_with_verdicts_that_say_what_is_wrong(project: Path) -> None:
    good = ending(run(project, "usual", rate=0.1))

    assert "✓ example-validator" in good
    assert "✓ distribution-validator  no anomalies" in good
    assert "blessed: mean_squared_error on all rows is 0." in good
    assert "✓ pusher                  pushed to " in good
    assert "✗" not in good
    assert "trainer                 loss 0." in good

    bad = ending(run(project, "moved", rate=1e30))

    assert "✗ trainer                 the loss is not a finite number" in bad
    assert "    Lower the learning rate, or look for values in the examples" in bad
    assert "✗ example-validator       anomalies in eval, train" in bad
    assert "eval, late: Out-of-range values" in bad
    assert "✗ distribution-validator  anomalies in train_train" in bad
    assert "train_train, hour: moved, Jensen-Shannon divergence 1 is above 0.05" in bad
    assert "✗ evaluator               not blessed" in bad
    assert "✗ pusher                  not pushed: the model is not blessed" in bad
    assert "\x1b[" not in bad

    broken = run(project, "usual", rate=0.1, broken=True)

    # The evaluator cannot call the model either: the verdicts are there although the run failed.
    assert broken.returncode == 1
    end = broken.stderr.rpartition(" failed in ")[2]
    assert "✗ infra-validator         not blessed: signature 'serving_default' answered" in end
    assert "evaluator failed:" in end

    worse = ending(run(project, "usual", rate=0.001))

    assert re.search(r"mean_squared_error change on all rows is [0-9.]+, required a change", worse)
    assert " on the baseline)" in worse


@pytest.mark.slow
def test_a_result_in_python_has_the_same_verdicts_and_metrics(project: Path) -> None:
    values = {"data": "usual", "usual": "usual", "schema": "schema.pbtxt", "config": {"rate": 0.1}}

    result = headrace.run("pipeline.py", parameters=values)

    assert result.state == "succeeded", result.failures
    found = {verdict.task: verdict.text for verdict in result.verdicts}
    assert found["evaluator"] == "blessed"
    assert found["pusher"].startswith("pushed to ")
    assert (result.metrics[0].task, result.metrics[0].name) == (
        "evaluator",
        "mean_squared_error",
    )
    assert any(each.task == "trainer" and each.name == "loss" for each in result.metrics)
