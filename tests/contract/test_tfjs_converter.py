"""Contract of tfjs_converter: the answers of a real Node.js, what is left out, what is refused."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from headrace_components.library.models.saved_model import SERVING_DIR
from support.cases.saved_models import save_model
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored, TaskFailedError
from support.programs.tfjs import converter_environment, predict

ROWS = {
    "bill": np.linspace(0.0, 1.0, 5, dtype=np.float32)[:, None],
    "mass": np.linspace(-2.0, 3.0, 5, dtype=np.float32)[:, None],
}

# The TensorFlow of the converter's environment is newer than that of most trainers.
SAVE_WITH_TF_KERAS = """
import json, sys
import tensorflow as tf, tf_keras
model = tf_keras.Sequential([tf_keras.layers.Dense(8, "relu", input_shape=(2,)),
                             tf_keras.layers.BatchNormalization(), tf_keras.layers.Dense(3)])
tf.saved_model.save(model, sys.argv[1])
print(json.dumps(model(tf.constant(json.loads(sys.argv[2]))).numpy().tolist()))
"""


def penguins_keras_3(folder: Path) -> tuple[dict[str, NDArray[Any]], Any]:
    keras.utils.clear_session()  # it numbers names
    keras.utils.set_random_seed(1)
    inputs = {name: keras.Input((1,), name=name) for name in ROWS}
    hidden = keras.layers.BatchNormalization()(keras.layers.Concatenate()(list(inputs.values())))
    hidden = keras.layers.Dense(16, "relu")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden))
    model.export(folder, verbose=False)
    return ROWS, model(ROWS).numpy()


def image_tf_keras(folder: Path) -> tuple[dict[str, NDArray[Any]], Any]:
    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3), name="image"),
            layers.DepthwiseConv2D(3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    tf.saved_model.save(model, folder)
    pixels = np.linspace(-1, 1, 2 * 8 * 8 * 3, dtype=np.float32).reshape(2, 8, 8, 3)
    return {"image_input": pixels}, model(pixels).numpy()


def rows_of_the_converters_tensorflow(folder: Path) -> tuple[dict[str, NDArray[Any]], Any]:
    rows = np.hstack([*ROWS.values()])
    environment = converter_environment()
    answer = subprocess.run(
        [environment.python, "-c", SAVE_WITH_TF_KERAS, folder, json.dumps(rows.tolist())],
        env=dict(environment.variables),
        stdout=subprocess.PIPE,
        check=True,
    )
    return {"dense_input": rows}, np.array(json.loads(answer.stdout))


class Tables(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Signatures: some use a table, and some an operation that TensorFlow.js lacks."""

    def __init__(self, vocabulary: Path) -> None:
        super().__init__()
        words = tf.lookup.KeyValueTensorInitializer(["AA", "UA"], [1, 2])
        self.words = tf.lookup.StaticHashTable(words, default_value=-1)
        index = tf.lookup.TextFileIndex
        lines = tf.lookup.TextFileInitializer(
            str(vocabulary), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
        )
        self.lines = tf.lookup.StaticHashTable(lines, default_value=-1)
        self.factor = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="carrier")])  # type: ignore[untyped-decorator]
    def look_up(self, carrier: Any) -> Any:
        return {"number": self.words.lookup(carrier)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="carrier")])  # type: ignore[untyped-decorator]
    def look_up_in_file(self, carrier: Any) -> Any:
        return {"number": self.lines.lookup(carrier)}

    @tf.function(input_signature=[tf.TensorSpec((None, 1), tf.float32, name="hour")])  # type: ignore[untyped-decorator]
    def no_table(self, hour: Any) -> Any:
        # Enough outputs for the order of names to differ from the order of numbers.
        return {f"times_{n}": hour * self.factor * n for n in range(12)}

    @tf.function(input_signature=[tf.TensorSpec((None, 2, 2), tf.float32, name="matrix")])  # type: ignore[untyped-decorator]
    def inverse(self, matrix: Any) -> Any:
        return {"inverse": tf.linalg.inv(matrix)}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    (folder / "vocabulary").write_text("AA\nUA\n")
    module = Tables(folder / "vocabulary")
    names = ("look_up", "look_up_in_file", "no_table", "inverse")
    signatures = {name: getattr(module, name) for name in names}
    tf.saved_model.save(module, str(folder / "model" / SERVING_DIR), signatures)
    return folder / "model"


def converting(launcher: Launcher) -> Launcher:
    """Returns a launcher that runs the component like its image."""
    python = converter_environment().python
    return replace(launcher, subprocess=True, python=python)


def convert(launcher: Launcher, model: Stored, **parameters: Any) -> Outcome:
    variables = converter_environment().variables
    return launcher.run("tfjs_converter", parameters, variables, model=model)


def manifest(folder: Path) -> list[Any]:
    groups: list[Any] = json.loads((folder / "model.json").read_text("utf-8"))["weightsManifest"]
    return groups


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    return predicts_as_before(launcher, tmp_path, penguins_keras_3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "save"),
    [
        ("kfp-next", image_tf_keras),
        ("vertex", rows_of_the_converters_tensorflow),
    ],
)
def test_a_converted_model_predicts_in_node_what_it_did(
    launcher: Launcher,
    tmp_path: Path,
    rules: Rules,
    save: Callable[[Path], tuple[dict[str, NDArray[Any]], Any]],
) -> None:
    predicts_as_before(replace(launcher, rules=rules), tmp_path, save)


def predicts_as_before(
    launcher: Launcher, tmp_path: Path, save: Callable[[Path], tuple[dict[str, NDArray[Any]], Any]]
) -> Outcome:
    rows, expected = save(tmp_path / "model" / SERVING_DIR)
    launcher = converting(launcher)

    outcome = convert(launcher, launcher.store(tmp_path / "model"))

    folder = outcome["converted_model"].path / SERVING_DIR
    assert {file.name for file in folder.iterdir()} == {"model.json", "group1-shard1of1.bin"}
    assert str(tmp_path) not in (folder / "model.json").read_text("utf-8")
    np.testing.assert_allclose(predict(folder, rows), expected, rtol=0, atol=1e-5)
    return outcome


@pytest.mark.slow
def test_outputs_have_names_and_tables_that_a_signature_leaves_unused_stay_out(
    launcher: Launcher, tables: Path
) -> None:
    launcher = converting(launcher)

    outcome = convert(
        launcher,
        launcher.store(tables),
        signature_name="no_table",
        use_structured_outputs_names=True,
    )

    folder = outcome["converted_model"].path / SERVING_DIR
    assert "modelInitializer" not in json.loads((folder / "model.json").read_text("utf-8"))
    answer = predict(folder, {"hour": np.array([[1.5]], np.float32)})
    assert answer == {f"times_{n}": [[3.0 * n]] for n in range(12)}


@pytest.mark.slow
def test_a_table_of_words_works_in_node(launcher: Launcher, tables: Path) -> None:
    launcher = converting(launcher)

    outcome = convert(launcher, launcher.store(tables), signature_name="look_up")

    folder = outcome["converted_model"].path / SERVING_DIR
    assert predict(folder, {"carrier": np.array(["UA", "ZZ", "AA"])}) == [2, -1, 1]


@pytest.mark.slow
def test_weights_are_quantized_and_split_into_files(launcher: Launcher, tmp_path: Path) -> None:
    rows, expected = penguins_keras_3(tmp_path / "model" / SERVING_DIR)
    launcher = converting(launcher)

    outcome = convert(
        launcher,
        launcher.store(tmp_path / "model"),
        quantization="uint8",
        quantized_weights=["*dense*"],
        weight_shard_size_bytes=64,
    )

    folder = outcome["converted_model"].path / SERVING_DIR
    (group,) = manifest(folder)
    quantized = [each for each in group["weights"] if "quantization" in each]
    assert {each["quantization"]["dtype"] for each in quantized} == {"uint8"}
    assert all("dense" in each["name"] for each in quantized)
    assert len(quantized) == 2
    assert len(group["paths"]) > 1
    assert max((folder / path).stat().st_size for path in group["paths"]) == 64
    np.testing.assert_allclose(predict(folder, rows), expected, rtol=0, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"signature_name": "inverse"},
            r"tfjs_converter: signature 'inverse' needs the operations \['MatrixInverse'\], which "
            r"TensorFlow.js lacks. Build the model without them, or pass `skip_op_check`",
        ),
        (
            {"signature_name": "look_up_in_file"},
            r"\['InitializeTableFromTextFileV2'\].* with tf.lookup.KeyValueTensorInitializer",
        ),
        (
            {
                "signature_name": "no_table",
                "quantization": "float16",
                "quantized_weights": ["dense/*"],
            },
            r"tfjs_converter: 'dense/\*' of `quantized_weights` is the name of no weight; those "
            r"of type float32 are \['.+'\]",
        ),
    ],
)
def test_what_tensorflow_js_cannot_run_is_refused(
    launcher: Launcher, tables: Path, parameters: dict[str, Any], message: str
) -> None:
    launcher = converting(launcher)

    with pytest.raises(TaskFailedError, match=message) as raised:
        convert(launcher, launcher.store(tables), **parameters)

    assert "Traceback" not in str(raised.value)


@pytest.mark.slow
def test_a_signature_that_parses_examples_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    launcher = converting(launcher)
    model = launcher.store(save_model(tmp_path / "model"))

    with pytest.raises(TaskFailedError, match=r"'ParseExampleV2'.*signature that takes tensors"):
        convert(launcher, model)


def test_a_model_that_is_not_blessed_is_not_converted(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "verdict").mkdir()
    (tmp_path / "verdict/NOT_BLESSED").touch()

    outcome = launcher.run(
        "tfjs_converter",
        model=launcher.store(save_model(tmp_path / "model")),
        model_blessing=launcher.store(tmp_path / "verdict"),
    )

    assert not [*outcome["converted_model"].path.rglob("*")]


def test_an_unknown_signature_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    model = launcher.store(save_model(tmp_path / "model"))

    with pytest.raises(
        TaskFailedError,
        match=r"tfjs_converter: the model in .* has no signature 'predict'; it has \['classify', ",
    ):
        launcher.run("tfjs_converter", {"signature_name": "predict"}, model=model)


def test_what_is_no_saved_model_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "model" / SERVING_DIR).mkdir(parents=True)
    (tmp_path / "model" / SERVING_DIR / "model.pkl").touch()
    model = launcher.store(tmp_path / "model")

    with pytest.raises(
        TaskFailedError, match=r"\['model.pkl'\] in Format-Serving, so it is not a Sa"
    ):
        launcher.run("tfjs_converter", model=model)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"quantization": "int4"},
            r"`quantization` is 'int4', expected one of \['none', 'float16', 'uint8', 'uint16'\]",
        ),
        (
            {"quantized_weights": ["dense/*"]},
            r"`quantized_weights` is \['dense/\*'\], but `quantization` is 'none'",
        ),
        ({"weight_shard_size_bytes": 0}, r"`weight_shard_size_bytes` is 0, expected a number of"),
    ],
)
def test_parameters_that_no_run_could_honour_are_refused(
    launcher: Launcher, tmp_path: Path, parameters: dict[str, Any], message: str
) -> None:
    (tmp_path / "model").mkdir()
    model = launcher.store(tmp_path / "model")

    with pytest.raises(TaskFailedError, match=message):
        launcher.run("tfjs_converter", parameters, model=model)
