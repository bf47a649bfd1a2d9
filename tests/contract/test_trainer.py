"""Contract of trainer: the arguments of run_fn, its results, and messages for its author."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from headrace_components.contract import reasons
from headrace_components.library.data.examples import ExamplesWriter
from headrace_components.library.user_code.module_pack import pack
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

# Saves its arguments, so that a test can read them.
MODULE = """
import dataclasses
import json
import os


def run_fn(fn_args):
    os.makedirs(fn_args.serving_model_dir)
    given = {
        name: value
        for name, value in vars(fn_args).items()
        if name != "data_accessor"
    }
    with open(os.path.join(fn_args.serving_model_dir, "given.json"), "w") as file:
        json.dump(given, file)
    with open(os.path.join(fn_args.model_run_dir, "events.out"), "w") as file:
        file.write("loss")
"""

# In TFX's form: reads with the data accessor, trains a Keras model, saves it with a signature. It
# does not use tf.keras, which is Keras 2.
KERAS_MODULE = """
import keras
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio


def _input_fn(files, accessor, schema, batch_size):
    return accessor.tf_dataset_factory(
        files, tfxio.TensorFlowDatasetOptions(batch_size=batch_size, label_key="late"), schema
    ).repeat()


def run_fn(fn_args):
    with open(fn_args.schema_path) as file:
        schema = text_format.Parse(file.read(), schema_pb2.Schema())
    train = _input_fn(fn_args.train_files, fn_args.data_accessor, schema, 8)
    evaluate = _input_fn(fn_args.eval_files, fn_args.data_accessor, schema, 8)
    inputs = {"hour": keras.Input((1,), name="hour")}
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs["hour"]))
    model.compile("adam", "binary_crossentropy")
    model.fit(
        train,
        steps_per_epoch=fn_args.train_steps,
        validation_data=evaluate,
        validation_steps=fn_args.eval_steps,
        callbacks=[keras.callbacks.TensorBoard(fn_args.model_run_dir)],
        verbose=0,
    )
    model.export(fn_args.serving_model_dir)
"""

SCHEMA = """
feature { name: "hour" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "late" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""


@pytest.fixture
def examples(launcher: Launcher, tmp_path: Path) -> Stored:
    return stored_examples(launcher, tmp_path / "examples")


def stored_examples(launcher: Launcher, path: Path, num_rows: int = 40) -> Stored:
    hours = pa.array([[n % 24] for n in range(num_rows)], pa.large_list(pa.float32()))
    late = pa.array([[n % 2] for n in range(num_rows)], pa.large_list(pa.int64()))
    for split in ("train", "eval"):
        with ExamplesWriter(path, split) as writer:
            writer.write(pa.RecordBatch.from_arrays([hours, late], ["hour", "late"]))
    return launcher.store(path, {"payload_format": "FORMAT_TF_EXAMPLE"})


def module(tmp_path: Path, text: str = MODULE) -> str:
    path = tmp_path / "module.py"
    path.write_text(text, "utf-8")
    return str(path)


def file_artifact(launcher: Launcher, folder: Path, name: str, content: str | bytes) -> Stored:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return launcher.store(folder)


def given(outcome: Any) -> dict[str, Any]:
    path = outcome["model"].path / "Format-Serving/given.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def test_run_fn_is_given_what_tfx_gives_it(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.datasets.add(num_examples=40)
    best = {"space": [], "values": {"units": 8}}

    outcome = launcher.run(
        "trainer",
        {
            "module_file": module(tmp_path),
            "train_args": {"num_steps": 100},
            "eval_args": {"splits": ["eval", "train"]},
            "eval_steps": 5,
            "custom_config": {"units": [64, 32], "rate": 0.1, "nested": {"epochs": 3}},
        },
        examples=examples,
        schema=file_artifact(launcher, tmp_path / "schema", "schema.pbtxt", SCHEMA),
        transform_graph=file_artifact(launcher, tmp_path / "graph", "metadata/x", ""),
        statistics=file_artifact(
            launcher,
            tmp_path / "stats",
            "Split-train/FeatureStats.pb",
            statistics.SerializeToString(),
        ),
        hyperparameters=file_artifact(
            launcher, tmp_path / "best", "best_hyperparameters.txt", json.dumps(best)
        ),
        base_model=file_artifact(launcher, tmp_path / "base", "Format-Serving/saved_model.pb", ""),
    )

    args = given(outcome)
    assert [Path(p).parts[-2:] for p in args["train_files"]] == [("Split-train", "*")]
    assert [Path(p).parts[-2:] for p in args["eval_files"]] == [
        ("Split-eval", "*"),
        ("Split-train", "*"),
    ]
    assert (args["train_steps"], args["eval_steps"]) == (100, 5)
    assert Path(args["schema_path"]).name == "schema.pbtxt"
    assert args["schema_file"] == args["schema_path"]
    assert Path(args["transform_graph_path"]).name == "graph"
    assert args["transform_output"] == args["transform_graph_path"]
    assert Path(args["base_model"]).parts[-2:] == ("base", "Format-Serving")
    assert Path(args["serving_model_dir"]).parts[-2:] == ("model", "Format-Serving")
    assert Path(args["eval_model_dir"]).parts[-2:] == ("model", "Format-TFMA")
    assert args["hyperparameters"] == best
    assert args["num_examples"] == {"train": 40}
    # protobuf's Struct made floats of the whole numbers.
    assert json.dumps(args["custom_config"], sort_keys=True) == (
        '{"nested": {"epochs": 3}, "rate": 0.1, "units": [64, 32]}'
    )
    assert (outcome["model_run"].path / "events.out").read_text() == "loss"


def test_what_is_not_connected_is_none(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    args = given(launcher.run("trainer", {"module_file": module(tmp_path)}, examples=examples))

    absent = [name for name, value in args.items() if value is None]
    assert absent == [
        "working_dir",
        "train_steps",
        "eval_steps",
        "schema_path",
        "schema_file",
        "transform_graph_path",
        "transform_output",
        "base_model",
        "hyperparameters",
        "custom_config",
        "num_examples",
    ]


def test_the_files_of_several_artifacts_follow_each_other(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    more = stored_examples(launcher, tmp_path / "more")

    args = given(
        launcher.run("trainer", {"module_file": module(tmp_path)}, examples=[examples, more])
    )

    assert [Path(p).parts[-3:] for p in args["train_files"]] == [
        ("examples", "Split-train", "*"),
        ("more", "Split-train", "*"),
    ]


def test_a_base_model_that_a_resolver_did_not_find_is_none(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    empty = launcher.store(tmp_path / "nothing", {"found": 0})

    args = given(
        launcher.run(
            "trainer", {"module_file": module(tmp_path)}, examples=examples, base_model=empty
        )
    )

    assert args["base_model"] is None


def test_a_base_model_of_an_estimator_is_found(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    base = file_artifact(
        launcher, tmp_path / "base", "Format-Serving/export/taxi/1584391735/saved_model.pb", ""
    )

    args = given(
        launcher.run(
            "trainer", {"module_file": module(tmp_path)}, examples=examples, base_model=base
        )
    )

    assert Path(args["base_model"]).name == "1584391735"


@pytest.mark.slow
def test_a_keras_model_is_trained_and_saved(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    outcome = launcher.run(
        "trainer",
        {"module_file": module(tmp_path, KERAS_MODULE), "train_steps": 5, "eval_steps": 2},
        examples=examples,
        schema=file_artifact(launcher, tmp_path / "schema", "schema.pbtxt", SCHEMA),
    )

    model = tf.saved_model.load(str(outcome["model"].path / "Format-Serving"))
    assert model.serve({"hour": tf.constant([[3.0]])}).shape == (1, 1)
    assert list(outcome["model_run"].path.rglob("events.out.tfevents.*"))


VARIES = {
    "model/*": "The module leaves its weights to chance.",
    "model_run/*": "Events have times.",
    "metrics/*": "Weights that are left to chance give other losses, and speed is never the same.",
    "report/*": "It has the losses.",
    "report": "It has the losses.",
}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    # Other things that modules use: from Keras 2, from the transform graph, from a tuner's result.
    text = KERAS_MODULE.replace(
        "import keras\n",
        "import keras\nimport keras_tuner\nimport tensorflow as tf\nimport tensorflow_transform\n",
        1,
    ).replace(
        '    model.compile("adam"',
        "    assert tf.keras.layers.Dense(1)(tf.ones((2, 3))).shape == (2, 1)\n"
        "    rate = keras_tuner.HyperParameters.from_config(fn_args.hyperparameters).get('rate')\n"
        "    model.compile(keras.optimizers.Adam(rate)",
    )
    hyperparameters = json.dumps({"space": [], "values": {"rate": 0.01}})

    outcome = launcher.run(
        "trainer",
        {
            "module_file": pack({"module.py": text}, "module.py"),
            "train_steps": 3,
            "eval_steps": 2,
        },
        examples=stored_examples(launcher, tmp_path / "examples"),
        schema=file_artifact(launcher, tmp_path / "schema", "schema.pbtxt", SCHEMA),
        hyperparameters=file_artifact(
            launcher, tmp_path / "best", "best_hyperparameters.txt", hyperparameters
        ),
    )

    model = tf.saved_model.load(str(outcome["model"].path / "Format-Serving"))
    assert model.serve({"hour": tf.constant([[3.0]])}).shape == (1, 1)
    assert list(outcome["model_run"].path.rglob("events.out.tfevents.*"))
    assert outcome["metrics"].metadata["steps"] == 3
    assert b"1 epoch, 3 steps" in outcome["report"].path.read_bytes()
    return outcome


def test_a_training_publishes_its_losses_its_speed_and_its_curves(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    text = KERAS_MODULE.replace("steps_per_epoch=", "epochs=3, steps_per_epoch=")

    outcome = launcher.run(
        "trainer",
        {"module_file": module(tmp_path, text), "train_steps": 4, "eval_steps": 2},
        examples=examples,
        schema=file_artifact(launcher, tmp_path / "schema", "schema.pbtxt", SCHEMA),
    )

    values = outcome["metrics"].metadata
    assert set(values) == {
        "loss",
        "val_loss",
        "best_loss",
        "best_val_loss",
        "epochs",
        "steps",
        "examples_per_second",
    }
    assert (values["epochs"], values["steps"]) == (3, 12)
    assert 0 < values["best_loss"] <= values["loss"]
    run = outcome["model_run"].metadata
    assert run["has_finite_loss"] == 1
    assert json.loads(run["headline"])[:2] == ["val_loss", "loss"]
    assert "loss from" in outcome["report"].path.read_text("utf-8")


def test_a_loss_that_is_no_number_is_a_verdict_and_no_failure(
    launcher: Launcher, examples: Stored, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = KERAS_MODULE.replace(
        '"adam", "binary_crossentropy"', 'keras.optimizers.SGD(1e30), "mse"'
    )
    text = text.replace('activation="sigmoid"', 'activation="linear"')

    outcome = launcher.run(
        "trainer",
        {"module_file": module(tmp_path, text), "train_steps": 20, "eval_steps": 2},
        examples=examples,
        schema=file_artifact(launcher, tmp_path / "schema", "schema.pbtxt", SCHEMA),
    )

    assert outcome["model_run"].metadata["has_finite_loss"] == 0
    why = reasons.from_metadata(outcome["model_run"].metadata)
    assert re.fullmatch(r"loss is (NaN|infinite) from epoch 1 on", why[0])
    assert why[-1].startswith("Lower the learning rate, or look for values")
    assert "loss" not in outcome["metrics"].metadata
    assert "The loss is not a number" in outcome["report"].path.read_text("utf-8")
    assert "Lower the learning rate" in caplog.text


def test_a_training_without_history_publishes_a_page_that_says_so(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    outcome = launcher.run("trainer", {"module_file": module(tmp_path)}, examples=examples)

    assert outcome["metrics"].metadata == {}
    assert "has_finite_loss" not in outcome["model_run"].metadata
    assert "showed no history" in outcome["report"].path.read_text("utf-8")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, r"trainer: neither `module_file` nor `run_fn` are given"),
        (
            {"train_steps": 10, "train_args": {"num_steps": 20}},
            r"trainer: `train_steps` is 10, but `num_steps` of `train_args` is 20. Expected one",
        ),
        ({"eval_steps": -1}, r"trainer: `eval_steps` is -1, expected 1 or more"),
        (
            {"eval_args": {"num_steps": 2.5}},
            r"`num_steps` of `eval_args` is 2.5, expected a whole number of 1 or more\. Pass 0, or",
        ),
        ({"train_args": {"steps": 5}}, r"`train_args` has fields \['steps'\], expected only \['nu"),
        (
            {"train_args": {"splits": "train"}},
            r"`splits` of `train_args` is 'train', expected a list of names\. Pass it as",
        ),
        (
            {"train_args": {"splits": ["trian"]}},
            r"trainer: split 'trian' is not in .*, which has \['eval', 'train'\]",
        ),
    ],
)
def test_parameters_that_no_run_can_honour_are_refused(
    launcher: Launcher, examples: Stored, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        launcher.run("trainer", parameters, examples=examples)


def test_the_same_number_of_steps_twice_is_no_conflict(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    parameters = {
        "module_file": module(tmp_path),
        "train_steps": 20,
        "train_args": {"num_steps": 20},
    }

    assert given(launcher.run("trainer", parameters, examples=examples))["train_steps"] == 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def run_fm(fn_args): ...\n", r"trainer: module.py has no function 'run_fn'; it defines"),
        ("def run_fn(fn_args)\n", r"trainer: module.py, line 1 is not Python"),
        ("import no_such_library\n", r"trainer: importing module.py raised ModuleNotFoundError at"),
        (
            "def run_fn(fn_args):\n    fn_args.train_file\n",
            r"trainer: run_fn raised AttributeError at module.py, line 2: 'FnArgs' object has no",
        ),
        (
            "import tensorflow as tf\n\n\ndef label(rows):\n    return rows, rows.pop('specie')\n\n"
            "\ndef run_fn(fn_args):\n"
            "    rows = tf.data.Dataset.from_tensors({'species': 1, 'x': 2})\n"
            "    rows.map(label)\n",
            r"run_fn raised KeyError at module.py, line 5: 'specie', which is not among "
            r"\['species', 'x'\]. Did you mean 'species'\?",
        ),
        (
            "import keras\n\n\ndef run_fn(fn_args):\n"
            "    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "    model.predict(keras.ops.zeros((8, 3)), verbose=0)\n",
            r"expected axis -1 of input shape to have value 4, but received input with shape \(",
        ),
        (
            "def run_fn(fn_args):\n    pass\n",
            r"trainer: run_fn returned, but Format-Serving of `model` holds no file; .*save it to",
        ),
        (
            "import os\n\n\ndef run_fn(fn_args):\n    os.makedirs(fn_args.serving_model_dir)\n",
            r"Format-Serving of `model` holds no file; `model` has \['Format-Serving'\]",
        ),
    ],
)
def test_a_module_that_does_not_do_its_job_is_explained(
    launcher: Launcher, examples: Stored, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        launcher.run("trainer", {"module_file": module(tmp_path, text)}, examples=examples)


def test_a_schema_in_place_of_examples_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    schema = file_artifact(launcher, tmp_path / "schema", "schema.pbtxt", SCHEMA)

    with pytest.raises(TaskFailedError, match=r"trainer: .* holds no Split-\* directory, so it is"):
        launcher.run("trainer", {"module_file": module(tmp_path)}, examples=schema)


def train_only(launcher: Launcher, path: Path) -> Stored:
    with ExamplesWriter(path, "train") as writer:
        hours = pa.array([[1.0]], pa.large_list(pa.float32()))
        writer.write(pa.RecordBatch.from_arrays([hours], ["hour"]))
    return launcher.store(path, {"payload_format": "FORMAT_TF_EXAMPLE"})


def test_a_function_that_does_not_evaluate_needs_no_split_for_it(
    launcher: Launcher, tmp_path: Path
) -> None:
    rows = train_only(launcher, tmp_path / "rows")
    text = (
        "import pathlib\n\n\ndef run_fn(fn_args):\n"
        "    folder = pathlib.Path(fn_args.serving_model_dir)\n    folder.mkdir(parents=True)\n"
        "    (folder / 'used').write_text(repr(bool(fn_args.eval_files)) + fn_args.train_files[0])"
    )

    outcome = launcher.run("trainer", {"module_file": module(tmp_path, text)}, examples=rows)

    used = outcome["model"].path / "Format-Serving/used"
    assert used.read_text("utf-8").startswith("False/")


@pytest.mark.parametrize(
    ("parameters", "use"),
    [
        ({}, "list(fn_args.eval_files)"),
        ({}, "fn_args.eval_files[0]"),
        ({}, "fn_args.data_accessor.tf_dataset_factory(fn_args.eval_files, None, None)"),
        ({"eval_args": {"splits": ["eval"]}}, "pass"),
    ],
)
def test_the_split_to_evaluate_on_is_asked_for_where_it_is_used(
    parameters: dict[str, Any], use: str, launcher: Launcher, tmp_path: Path
) -> None:
    rows = train_only(launcher, tmp_path / "rows")
    path = module(tmp_path, f"def run_fn(fn_args):\n    {use}\n")

    with pytest.raises(
        TaskFailedError,
        match=r"trainer: split 'eval' is not in .*, which has \['train'\]. Name one of those in "
        r"`splits` of `eval_args`, for example eval_args=\{\"splits\": \[\"train\"\]\}, or add",
    ):
        launcher.run("trainer", {"module_file": path, **parameters}, examples=rows)


def test_hyperparameters_and_a_schema_may_be_files_themselves(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    best, schema = tmp_path / "best.txt", tmp_path / "schema.pbtxt"
    best.write_text('{"values": {"units": 8}}', "utf-8")
    schema.write_text(SCHEMA, "utf-8")

    outcome = launcher.run(
        "trainer",
        {"module_file": module(tmp_path)},
        examples=examples,
        hyperparameters=launcher.store(best),
        schema=launcher.store(schema),
    )

    assert given(outcome)["hyperparameters"] == {"values": {"units": 8}}
    assert given(outcome)["schema_path"].endswith(".pbtxt")


def test_examples_of_two_payload_formats_are_refused(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    more = stored_examples(launcher, tmp_path / "more")
    sequences = Stored(
        uri=more.uri, path=more.path, metadata={"payload_format": "FORMAT_TF_SEQUENCE_EXAMPLE"}
    )

    with pytest.raises(TaskFailedError, match=r"have the payload formats \['FORMAT_TF_EXAMPLE', "):
        launcher.run("trainer", {"module_file": module(tmp_path)}, examples=[examples, sequences])


@pytest.mark.parametrize(
    ("port", "name", "content", "message"),
    [
        ("hyperparameters", "best.txt", "units=8", r"`hyperparameters` in .* is not JSON"),
        ("hyperparameters", "best.txt", "[8]", r"is a list, expected a JSON object"),
        ("schema", "a/schema.pbtxt", "", None),
        ("base_model", "saved_model.pb", "", r"`base_model` at .* has no Format-Serving directory"),
    ],
)
def test_an_input_of_another_form_is_refused(
    launcher: Launcher,
    examples: Stored,
    tmp_path: Path,
    port: str,
    name: str,
    content: str,
    message: str | None,
) -> None:
    folder = tmp_path / "input"
    if message is None:
        message = r"`schema` at .* holds \['a', 'b.pbtxt'\], expected one file"
        (folder / "a").mkdir(parents=True)
        (folder / "b.pbtxt").write_text("")
    artifact: Any = {port: file_artifact(launcher, folder, name, content)}

    with pytest.raises(TaskFailedError, match=message):
        launcher.run("trainer", {"module_file": module(tmp_path)}, examples=examples, **artifact)


def test_rows_that_contradict_the_schema_are_the_authors_to_correct(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    text = SCHEMA.replace('"hour" type: FLOAT', '"hour" type: BYTES')
    text_format.Parse(text, schema_pb2.Schema())

    with pytest.raises(TaskFailedError, match=r"trainer: run_fn raised .* at module.py, line \d+"):
        launcher.run(
            "trainer",
            {"module_file": module(tmp_path, KERAS_MODULE), "train_steps": 1, "eval_steps": 1},
            examples=examples,
            schema=file_artifact(launcher, tmp_path / "schema", "schema.pbtxt", text),
        )
