"""Contract of tflite_converter: what is written, when a model is blessed, what is refused."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from headrace_components.library.data.examples import ExamplesWriter
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

NUM_ROWS = 400
NUM_CLASSES = 3

# TF Lite's interpreter has the Flex delegate in the wheel of TensorFlow 2.16, not in that of 2.21.
HAS_FLEX = tf.__version__.startswith("2.16.")


def features(num_rows: int = NUM_ROWS) -> dict[str, Any]:
    """Three clusters on a circle; the class is a number and a word."""
    random = np.random.default_rng(7)
    label = np.arange(num_rows) % NUM_CLASSES
    angle = 2 * np.pi * label / NUM_CLASSES
    centre = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return {
        "point": (centre + random.normal(scale=0.3, size=centre.shape)).astype(np.float32),
        "kind": random.integers(0, 4, size=(num_rows, 1)),
        "label": label[:, None],
        "distance": random.gamma(2.0, size=(num_rows, 1)).astype(np.float32),
        "word": np.array([[b"left"], [b"right"]] * (num_rows // 2), np.object_),
    }


def write_examples(
    folder: Path, columns: Mapping[str, Any], splits: tuple[str, ...] = ("train", "eval")
) -> Path:
    """Writes the same rows, arrays of shape `(rows, values)`, as each split."""
    arrays = [pa.array(list(values), _list_type(values)) for values in columns.values()]
    for split in splits:
        with ExamplesWriter(folder, split) as writer:
            writer.write(pa.RecordBatch.from_arrays(arrays, list(columns)))
    return folder


def _list_type(values: Any) -> Any:
    kinds = {"f": pa.float32(), "i": pa.int64(), "O": pa.large_binary()}
    return pa.large_list(kinds[values.dtype.kind])


def network() -> Any:
    """Classifies points, with a bias by kind, with high scores."""
    point = keras.Input((2,), name="point")
    kind = keras.Input((1,), name="kind", dtype="int64")
    angles = 2 * np.pi * np.arange(NUM_CLASSES) / NUM_CLASSES
    weights = 4 * np.stack([np.cos(angles), np.sin(angles)])
    hidden = keras.layers.Dense(NUM_CLASSES, activation="relu")
    biases = keras.layers.Embedding(4, NUM_CLASSES)
    bias = keras.layers.Flatten()(biases(kind))
    scores = keras.layers.Softmax(name="probabilities")(keras.layers.Add()([hidden(point), bias]))
    hidden.set_weights([weights.astype(np.float32), np.zeros(NUM_CLASSES, np.float32)])
    return keras.Model({"point": point, "kind": kind}, scores)


def function(**inputs: tf.TensorSpec) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a function as a signature."""
    specs = [tf.TensorSpec(each.shape, each.dtype, name=key) for key, each in inputs.items()]
    wrap: Callable[[Callable[..., Any]], Any] = tf.function(input_signature=specs)
    return wrap


def floats(*shape: int | None) -> tf.TensorSpec:
    return tf.TensorSpec(shape, tf.float32)


class Points(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Signatures that work well, badly or not at all in TF Lite."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable([[1.0], [2.0]])
        self.numbers = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["left", "right"], tf.constant([1, 2], tf.int64)),
            tf.constant(0, tf.int64),
        )
        # No signature uses it, and TF Lite does not support tables of floats.
        self.shares = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["left", "right"], [0.25, 0.75]), 0.0
        )

    @function(point=floats(None, 2))
    def serving_default(self, point: Any) -> Any:
        return {"sum": point @ self.factor}

    @function(examples=tf.TensorSpec([None], tf.string))
    def serialized(self, examples: Any) -> Any:
        spec = {"point": tf.io.FixedLenFeature([2], tf.float32)}
        return self.serving_default(tf.io.parse_example(examples, spec)["point"])

    @function(point=floats(3, 2))
    def threes(self, point: Any) -> Any:
        return {"sum": tf.reduce_sum(point, axis=1), "place": tf.argmax(point, axis=1)}

    @function(word=tf.TensorSpec([None, 1], tf.string), point=floats(None, 2))
    def words(self, word: Any, point: Any) -> Any:
        return {"both": tf.cast(self.numbers.lookup(word), tf.float32) + point}

    @function(values=floats(None, None))
    def vectors(self, values: Any) -> Any:
        return {"twice": values * 2.0}

    @function(point=floats(None, 2))
    def special(self, point: Any) -> Any:
        share = tf.sigmoid(point)
        return {"beta": tf.math.betainc(share, share, share)}

    @function(point=floats(None, 2))
    def whole(self, point: Any) -> Any:
        return {"mean": tf.reduce_mean(point)}

    @function(point=floats(None, None, None))
    def cloud(self, point: Any) -> Any:
        return {"twice": point * 2.0}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("exported"))


def export(folder: Path) -> Path:
    """Saves a Keras model with `model.export`; returns the folder."""
    keras.utils.clear_session()  # it numbers names
    keras.utils.set_random_seed(1)
    network().export(str(folder / "Format-Serving"), verbose=False)
    return folder


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("points")
    model = Points()
    names = ("serving_default", "serialized", "threes", "words", "vectors", "special", "whole")
    signatures = {name: getattr(model, name) for name in (*names, "cloud")}
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures)
    return folder


@pytest.fixture
def examples(launcher: Launcher, tmp_path: Path) -> Stored:
    return launcher.store(write_examples(tmp_path / "examples", features()))


def lite(outcome: Outcome) -> Any:
    """Returns the written model's signature as a function."""
    file = outcome["converted_model"].path / "Format-Serving/model.tflite"
    return tf.lite.Interpreter(str(file)).get_signature_runner()


def described(outcome: Outcome) -> dict[str, Any]:
    file = outcome["converted_model"].path / "Format-Serving/signature.json"
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return content


def verdict(outcome: Outcome) -> list[str]:
    return [path.name for path in outcome["blessing"].path.iterdir()]


def pushed(launcher: Launcher, outcome: Outcome, folder: Path) -> list[str]:
    """Pushes the output of a converter, and returns the files that a device could fetch."""
    launcher.run(
        "pusher",
        {"base_directory": str(folder)},
        model=outcome["converted_model"],
        model_blessing=outcome["blessing"],
    )
    return sorted(path.name for path in folder.glob("*/*")) if folder.exists() else []


@pytest.mark.parametrize(
    ("quantization", "tolerance"),
    [("none", 1e-5), ("dynamic_range", 0.05), ("float16", 0.01), ("int8", 0.2)],
)
def test_an_exported_keras_model_answers_as_before(
    launcher: Launcher, exported: Path, examples: Stored, quantization: str, tolerance: float
) -> None:
    outcome = launcher.run(
        "tflite_converter",
        {"quantization": quantization},
        model=launcher.store(exported),
        examples=examples,
    )

    assert verdict(outcome) == ["BLESSED"]
    rows = features()
    inputs = {name: rows[name] for name in ("point", "kind")}
    answer = tf.saved_model.load(str(exported / "Format-Serving")).signatures["serving_default"]
    ((name, expected),) = answer(**{k: tf.constant(v) for k, v in inputs.items()}).items()
    found = lite(outcome)(**inputs)[name]
    np.testing.assert_allclose(found, expected.numpy(), atol=tolerance)
    metrics = outcome["metrics"].metadata
    assert metrics["rows_compared"] == NUM_ROWS
    assert metrics["relative_difference"] < tolerance
    assert metrics["agreement"] > 0.95
    size = (outcome["converted_model"].path / "Format-Serving/model.tflite").stat().st_size
    assert metrics["model_bytes"] == size < metrics["saved_model_bytes"]


def test_variables_of_a_keras_model_saved_by_tensorflow_are_found(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    model = network()
    # The converted signature does not use it: TF Lite does not support such a table.
    model.shares = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["left", "right"], [0.25, 0.75]), 0.0
    )

    @function(point=floats(None, 2), kind=tf.TensorSpec([None, 1], tf.int64))
    def transformed(point: Any, kind: Any) -> Any:
        return {"probabilities": model({"point": point, "kind": kind})}

    @function(examples=tf.TensorSpec([None], tf.string))
    def serve(examples: Any) -> Any:
        spec = {
            "point": tf.io.FixedLenFeature([2], tf.float32),
            "kind": tf.io.FixedLenFeature([1], tf.int64),
        }
        answer = model(tf.io.parse_example(examples, spec))
        return {"probabilities": answer * model.shares.lookup(tf.constant("right"))}

    signatures = {"serving_default": serve, "transformed": transformed}
    tf.saved_model.save(model, str(tmp_path / "model/Format-Serving"), signatures)

    outcome = launcher.run(
        "tflite_converter",
        {"signature_name": "transformed", "label_key": "label"},
        model=launcher.store(tmp_path / "model"),
        examples=examples,
    )

    assert verdict(outcome) == ["BLESSED"]
    metrics = outcome["metrics"].metadata
    assert metrics["relative_difference"] < 1e-5
    assert metrics["SparseCategoricalAccuracy"] > 0.9
    assert metrics["SparseCategoricalAccuracy_change"] == 0
    assert described(outcome) == {
        "signature_name": "transformed",
        "quantization": "none",
        "inputs": {
            "kind": {"dtype": "int64", "shape": [None, 1], "features": ["kind"]},
            "point": {"dtype": "float32", "shape": [None, 2], "features": ["point"]},
        },
        "outputs": {"probabilities": {"dtype": "float32", "shape": [None, 3]}},
    }


@pytest.mark.parametrize(("quantization", "dtype"), [("int8", "int8"), ("int16x8", "int16")])
def test_inputs_and_outputs_of_integers_are_described_and_compared(
    launcher: Launcher, points: Path, examples: Stored, quantization: str, dtype: str
) -> None:
    outcome = launcher.run(
        "tflite_converter",
        {"quantization": quantization, "integer_io": True},
        model=launcher.store(points),
        examples=examples,
    )

    assert verdict(outcome) == ["BLESSED"]
    taken, given = (described(outcome)[key] for key in ("inputs", "outputs"))
    assert taken["point"]["dtype"] == given["sum"]["dtype"] == dtype
    point = features()["point"][:1]
    integers = np.round(point / taken["point"]["scale"]) + taken["point"]["zero_point"]
    answer = lite(outcome)(point=integers.astype(dtype))["sum"].astype(np.float64)
    found = (answer - given["sum"]["zero_point"]) * given["sum"]["scale"]
    assert found == pytest.approx(point @ [[1.0], [2.0]], abs=0.1)


def test_a_blessed_model_is_pushed_with_what_says_how_to_call_it(
    launcher: Launcher, exported: Path, examples: Stored, tmp_path: Path
) -> None:
    shutil.copytree(exported, tmp_path / "model")
    (tmp_path / "model/Format-Serving/assets").mkdir(exist_ok=True)
    (tmp_path / "model/Format-Serving/assets/species.txt").write_text("Adelie\n", "utf-8")
    model = launcher.store(tmp_path / "model")

    outcome = launcher.run("tflite_converter", model=model, examples=examples)

    blessing = outcome["blessing"]
    assert blessing.metadata == {
        "blessed": 1,
        "baseline_model": model.uri,
        "baseline_model_id": "42",
    }
    content = json.loads((blessing.path / "BLESSED").read_text("utf-8"))
    assert content["baseline_model"] == model.uri
    files = pushed(launcher, outcome, tmp_path / "devices")
    assert files == ["assets", "model.tflite", "signature.json"]
    page = outcome["report"].path.read_text("utf-8")
    assert "Every limit holds." in page
    assert "100 %" in page


def test_a_model_that_integers_spoil_is_not_pushed(
    launcher: Launcher, points: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # One extreme value takes the 256 steps that the other values would need.
    train = features()
    train["point"][0] = 1e4
    write_examples(tmp_path / "examples", train, ("train",))
    write_examples(tmp_path / "examples", features(), ("eval",))

    outcome = launcher.run(
        "tflite_converter",
        {"quantization": "int8"},
        model=launcher.store(points),
        examples=launcher.store(tmp_path / "examples"),
    )

    assert verdict(outcome) == ["NOT_BLESSED"]
    assert outcome["blessing"].metadata["blessed"] == 0
    assert "NOT_BLESSED: the answers in 'sum' differ by 1" in caplog.text
    assert "allowed are 0.1" in outcome["report"].path.read_text("utf-8")
    assert described(outcome)["quantization"] == "int8"  # kept for inspection
    assert pushed(launcher, outcome, tmp_path / "devices") == []


def test_limits_of_zero_let_no_difference_pass(
    launcher: Launcher, exported: Path, examples: Stored, tmp_path: Path
) -> None:
    outcome = launcher.run(
        "tflite_converter",
        {"quantization": "float16", "max_relative_difference": 0},
        model=launcher.store(exported),
        examples=examples,
    )

    assert 0 < outcome["metrics"].metadata["relative_difference"] < 0.01
    assert pushed(launcher, outcome, tmp_path / "devices") == []


def test_a_metric_may_not_become_worse_than_allowed(
    launcher: Launcher, points: Path, examples: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    parameters = {
        "quantization": "int8",
        "label_key": "distance",
        "max_metric_loss": {"MeanSquaredError": 100, "MeanAbsoluteError": 0},
    }

    outcome = launcher.run(
        "tflite_converter", parameters, model=launcher.store(points), examples=examples
    )

    rows = features()
    errors = rows["point"] @ [[1.0], [2.0]] - rows["distance"]
    metrics = outcome["metrics"].metadata
    assert metrics["MeanSquaredError_baseline"] == pytest.approx((errors**2).mean(), rel=1e-5)
    assert metrics["MeanAbsoluteError_baseline"] == pytest.approx(abs(errors).mean(), rel=1e-5)
    is_worse = metrics["MeanAbsoluteError_change"] > 0
    assert verdict(outcome) == ["NOT_BLESSED" if is_worse else "BLESSED"]
    assert ("allowed is a loss of 0" in caplog.text) == is_worse


def test_a_model_that_takes_some_rows_at_a_time_is_asked_so(
    launcher: Launcher, points: Path, examples: Stored
) -> None:
    assert NUM_ROWS % 3

    outcome = launcher.run(
        "tflite_converter",
        {"signature_name": "threes", "quantization": "int8", "num_representative_rows": 200},
        model=launcher.store(points),
        examples=examples,
    )

    assert verdict(outcome) == ["BLESSED"]
    assert outcome["metrics"].metadata["rows_compared"] == NUM_ROWS
    assert described(outcome)["inputs"]["point"]["shape"] == [3, 2]


def test_words_are_looked_up_in_a_table_that_the_model_carries(
    launcher: Launcher, points: Path, examples: Stored
) -> None:
    outcome = launcher.run(
        "tflite_converter",
        {"signature_name": "words"},
        model=launcher.store(points),
        examples=examples,
    )

    assert verdict(outcome) == ["BLESSED"]
    assert outcome["metrics"].metadata["largest_difference"] == 0


def test_a_table_of_a_vocabulary_file_is_named_as_the_reason(
    launcher: Launcher, examples: Stored, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "vocabulary").write_text("left\nright\n", "utf-8")
    model = tf.Module()
    model.table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            str(tmp_path / "vocabulary"),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        tf.constant(-1, tf.int64),
    )
    look_up = function(word=tf.TensorSpec([None, 1], tf.string))(
        lambda word: {"number": model.table.lookup(word)}
    )
    model.look_up = look_up
    tf.saved_model.save(model, str(tmp_path / "m/Format-Serving"), {"serving_default": look_up})

    outcome = launcher.run(
        "tflite_converter", model=launcher.store(tmp_path / "m"), examples=examples
    )

    assert verdict(outcome) == ["NOT_BLESSED"]
    assert "TF Lite does not read the vocabulary file of a lookup table" in caplog.text


def test_an_input_is_put_together_of_features(
    launcher: Launcher, points: Path, examples: Stored
) -> None:
    parts = ["distance", "kind", "point"]

    outcome = launcher.run(
        "tflite_converter",
        {"signature_name": "vectors", "input_features": {"values": parts}},
        model=launcher.store(points),
        examples=examples,
    )

    assert verdict(outcome) == ["BLESSED"]
    assert described(outcome)["inputs"]["values"]["features"] == parts


def test_serialized_examples_are_parsed_by_tensorflows_kernels(
    launcher: Launcher, points: Path, examples: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = launcher.run(
        "tflite_converter",
        {"signature_name": "serialized", "select_tf_ops": True, "num_check_rows": 10},
        model=launcher.store(points),
        examples=examples,
    )

    assert verdict(outcome) == ["BLESSED" if HAS_FLEX else "NOT_BLESSED"]
    assert described(outcome)["inputs"] == {
        "examples": {"dtype": "string", "shape": [None], "features": []}
    }
    if HAS_FLEX:
        assert outcome["metrics"].metadata["rows_compared"] == 10
    else:
        assert "has no Flex delegate, which a model with `select_tf_ops` needs" in caplog.text


def test_without_examples_a_model_is_converted_and_not_blessed(
    launcher: Launcher, points: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = launcher.run("tflite_converter", model=launcher.store(points))

    assert verdict(outcome) == ["NOT_BLESSED"]
    assert lite(outcome)(point=np.ones((1, 2), np.float32))["sum"] == 3
    assert "`examples` is not connected, so nothing was compared" in caplog.text
    assert "rows_compared" not in outcome["metrics"].metadata


def test_a_model_that_is_not_blessed_is_not_converted(
    launcher: Launcher, points: Path, examples: Stored, tmp_path: Path
) -> None:
    (tmp_path / "verdict").mkdir()
    (tmp_path / "verdict/NOT_BLESSED").touch()

    outcome = launcher.run(
        "tflite_converter",
        model=launcher.store(points),
        examples=examples,
        model_blessing=launcher.store(tmp_path / "verdict"),
    )

    assert not list(outcome["converted_model"].path.rglob("*"))
    assert verdict(outcome) == ["NOT_BLESSED"]
    assert outcome["metrics"].metadata == {"blessed": 0}
    assert "is not a blessing" in outcome["report"].path.read_text("utf-8")


def test_a_search_for_the_latest_blessed_model_finds_no_tflite_model(
    launcher: Launcher, points: Path, examples: Stored, tmp_path: Path
) -> None:
    outcome = launcher.run("tflite_converter", model=launcher.store(points), examples=examples)
    shutil.copytree(outcome["blessing"].path, tmp_path / "root/run-1/converter/blessing")

    found = launcher.run("latest_blessed_model", {"search_root": str(tmp_path / "root")})

    assert verdict(outcome) == ["BLESSED"]
    assert found["model"].metadata["found"] == 0


VARIES = {
    "blessing/BLESSED": "It has the time.",
    "report": "It has the seconds of the conversion.",
    "*/conversion_seconds": "A duration.",
    "*/saved_model_bytes": "TensorFlow numbers the functions of a process.",
}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = launcher.run(
        "tflite_converter",
        {"quantization": "int8", "num_representative_rows": 50},
        model=launcher.store(export(tmp_path / "exported")),
        examples=launcher.store(write_examples(tmp_path / "examples", features())),
    )

    assert verdict(outcome) == ["BLESSED"]
    assert "NOTICE tflite_converter: BLESSED." in outcome.log
    return outcome


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"quantization": "int4"}, r"`quantization` is 'int4', expected one of \['none', 'dynamic"),
        ({"integer_io": True}, r"`integer_io` is true, but `quantization` is 'none', which keeps"),
        (
            {"select_tf_ops": True, "quantization": "int8"},
            r"`select_tf_ops` is true and .* calibrates no model with TensorFlow's operations",
        ),
        ({"num_representative_rows": 0}, r"`num_representative_rows` is 0, expected 1 or more"),
        ({"max_relative_difference": -1}, r"`max_relative_difference` is -1.0, expected 0 or more"),
        ({"min_agreement": 95}, r"`min_agreement` is 95.0, but it is a share of rows in \[0, 1\]"),
        ({"max_metric_loss": {"Recall": 0.1}}, r"has \{'Recall': 0.1\}, expected numbers of 0 or"),
        ({"max_metric_loss": {"AUC": 0.1}}, r"names \['AUC'\], but `label_key` is empty"),
        ({"input_features": {"point": 3}}, r"has 3 for input 'point', expected the name of a fe"),
        ({"input_features": {"dot": "x"}}, r"names the inputs \['dot'\], but .* takes \{'point': "),
        (
            {"signature_name": "lite"},
            r"no signature 'lite'; it has \['cloud', 'serialized', 'serving_default', 'special',",
        ),
        (
            {"signature_name": "serialized"},
            r"'serialized' takes \{'examples': 'string\(None\)'\}, which are serialized tf.Examples"
            r", and TF Lite cannot parse those. Name another in `signature_name`: \['cloud', 'serv",
        ),
        (
            {"signature_name": "cloud"},
            r"'point' of signature 'cloud' is float32\(None, None, None\), expected at most one mo",
        ),
        ({"example_splits": ["test"]}, r"split 'test' is not in .*, which has \['eval', 'train'\]"),
        (
            {"label_key": "label", "prediction_key": "scores"},
            r"`prediction_key` is 'scores', expected one of the outputs of floats .* \['sum'\]",
        ),
        (
            {"signature_name": "vectors"},
            r"input 'values' of signature 'vectors' is feature 'values', but the rows of split 'tra"
            r"in' have \['distance', 'kind', 'label', 'point', 'word'\]. Connect the examples that",
        ),
        (
            {"input_features": {"point": "word"}},
            r"is feature 'word', which holds large_binary in the examples, expected numbers",
        ),
        (
            {"input_features": {"point": "distance"}},
            r"has the shape \[2\] a row, but the features \['distance'\] hold 1 values in the rows",
        ),
        ({"label_key": "point"}, r"`label_key` 'point' has 2 values in the rows of split 'train'"),
        (
            {"label_key": "word"},
            r"`label_key` is feature 'word', which holds large_binary in the examples, expected n",
        ),
    ],
)
def test_what_no_run_could_honour_is_refused_before_the_conversion(
    launcher: Launcher,
    points: Path,
    examples: Stored,
    parameters: dict[str, Any],
    message: str,
) -> None:
    # Calibration before the conversion reads the same rows as the comparison.
    defaults = {} if "quantization" in parameters else {"quantization": "int8"}
    if "select_tf_ops" in parameters or "integer_io" in parameters:
        defaults = {}

    with pytest.raises(TaskFailedError, match=message):
        launcher.run(
            "tflite_converter",
            {**defaults, **parameters},
            model=launcher.store(points),
            examples=examples,
        )


def test_a_model_without_a_signature_of_tensors_is_told_how_to_save_one(
    launcher: Launcher, tmp_path: Path
) -> None:
    model = Points()
    signatures = {"serving_default": model.serialized}
    tf.saved_model.save(model, str(tmp_path / "model/Format-Serving"), signatures)

    with pytest.raises(
        TaskFailedError,
        match=r"Save the model with a signature of the dense tensors that its layers take, for "
        r"example signatures=\{'serving_default': ..., 'lite': ...\}, and name that in "
        r"`signature_name`; o",
    ):
        launcher.run("tflite_converter", model=launcher.store(tmp_path / "model"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"signature_name": "special"},
            r"'special' cannot be converted with `quantization` 'none': .*Betainc. Save a sig",
        ),
        (
            {"signature_name": "whole"},
            r"output 'mean' of signature 'whole' has shape \(\) for 256 rows, expected a first dim",
        ),
        (
            {"label_key": "label", "max_metric_loss": {"SparseCategoricalAccuracy": 0}},
            r"names 'SparseCategoricalAccuracy', but the predictions have 1 values a row, for whic"
            r"h there are \['MeanSquaredError', 'MeanAbsoluteError'\]. Name one of those",
        ),
    ],
)
def test_what_a_model_cannot_do_is_named(
    launcher: Launcher,
    points: Path,
    examples: Stored,
    parameters: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        launcher.run(
            "tflite_converter", parameters, model=launcher.store(points), examples=examples
        )


def test_a_recurrent_layer_has_to_be_unrolled(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    point = keras.Input((2, 1), name="point")
    model = keras.Model(point, keras.layers.SimpleRNN(2)(point))
    model.export(str(tmp_path / "model/Format-Serving"), verbose=False)

    with pytest.raises(
        TaskFailedError, match=r"TensorListReserve requires .* with unroll=True, or"
    ):
        launcher.run(
            "tflite_converter", model=launcher.store(tmp_path / "model"), examples=examples
        )


def test_sixteen_bits_cannot_stand_for_integers(
    launcher: Launcher, exported: Path, examples: Stored
) -> None:
    with pytest.raises(TaskFailedError, match=r"kind:0 holds no floats, .* Choose 'int8', which"):
        launcher.run(
            "tflite_converter",
            {"quantization": "int16x8"},
            model=launcher.store(exported),
            examples=examples,
        )


def test_integers_without_examples_are_refused(launcher: Launcher, points: Path) -> None:
    with pytest.raises(TaskFailedError, match=r"is 'int8', which calibrates integers with example"):
        launcher.run("tflite_converter", {"quantization": "int8"}, model=launcher.store(points))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0], [1.0, 2.0]], r"is feature 'point', which has 1 to 2 values in the rows of split"),
        ([[1.0, 2.0], None], r"is feature 'point', which 1 of 2 rows of split 'eval' lack, and TF"),
    ],
)
def test_rows_that_no_tensor_can_hold_are_refused(
    launcher: Launcher, points: Path, tmp_path: Path, rows: list[Any], message: str
) -> None:
    ragged = pa.array(rows, pa.large_list(pa.float32()))
    with ExamplesWriter(tmp_path / "examples", "eval") as writer:
        writer.write(pa.RecordBatch.from_arrays([ragged], ["point"]))

    with pytest.raises(TaskFailedError, match=message):
        launcher.run(
            "tflite_converter",
            model=launcher.store(points),
            examples=launcher.store(tmp_path / "examples"),
        )


def test_a_split_without_rows_is_refused(launcher: Launcher, points: Path, tmp_path: Path) -> None:
    empty = write_examples(tmp_path / "empty", {n: v[:0] for n, v in features().items()})

    with pytest.raises(
        TaskFailedError, match=r"split 'eval' of `examples` holds no rows, expected"
    ):
        launcher.run(
            "tflite_converter", model=launcher.store(points), examples=launcher.store(empty)
        )
