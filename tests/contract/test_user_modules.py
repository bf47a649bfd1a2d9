"""Modules written for TFX run as they are: each is packed, loaded and trained for a few steps."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_data_validation.utils.stats_util import load_stats_binary

from headrace.passes.modules import pack_module
from headrace.targets import Target
from headrace_components.data.examples import ExamplesWriter
from launcher import Launcher, Outcome, Rules, Stored

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


def packed(name: str, target: Target = "vertex") -> str:
    text: str = pack_module(name, f"module {name}", target, MODULES)
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
    launcher = Launcher(root=tmp_path / "launcher", rules=rules, subprocess=True)

    outcome = train(launcher, tmp_path, "warm.py")

    assert (serving(outcome) / "saved_model.pb").is_file()


def test_a_keras_2_model_with_control_flow_is_trained_and_saved(
    tmp_path: Path,
) -> None:
    # In a process of its own: the module changes which Keras TensorFlow has.
    outcome = train(Launcher(root=tmp_path / "l", subprocess=True), tmp_path, "legacy_keras.py")

    serve = loaded(outcome).signatures["serving_default"]
    row = tf.constant([[3.0]])
    assert next(iter(serve(wing=row, weight=row).values())).shape == (1, 1)


def test_text_is_classified_by_an_lstm(launcher: Launcher, tmp_path: Path) -> None:
    model = loaded(train(launcher, tmp_path, "reviews.py"))

    assert model.serve(tf.constant([["good bird"], ["bad"]])).shape == (2, 1)


def test_a_model_of_another_library_reads_record_batches(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = train(launcher, tmp_path, "means.py")

    content = pickle.loads((serving(outcome) / "model.pkl").read_bytes())
    assert content == {"means": [0.5, 2.0], "num_rows": NUM_ROWS}


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


def test_wide_and_deep_trains_behind_its_transform_graph(
    launcher: Launcher, tmp_path: Path
) -> None:
    transformed = launcher.run(
        "transform",
        {"module_file": packed("wide_and_deep.py")},
        examples=examples(launcher, tmp_path / "raw"),
        schema=schema(launcher, tmp_path / "schema"),
    )
    outcome = launcher.run(
        "trainer",
        {"module_file": packed("wide_and_deep.py"), "train_steps": 3},
        examples=transformed["transformed_examples"],
        transform_graph=transformed["transform_graph"],
    )

    serve = loaded(outcome).signatures["serving_default"]
    row = an_example(wing=1.0, weight=2.0, text=b"bad")
    assert serve(tf.constant([row]))["outputs"].shape == (1, 1)
    statistics = load_stats_binary(
        str(transformed["post_transform_stats"].path / "FeatureStats.pb")
    )
    tops = [len(f.string_stats.top_values) for f in statistics.datasets[0].features]
    assert max(tops) == 1
