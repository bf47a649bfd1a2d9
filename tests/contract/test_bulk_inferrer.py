"""Contract of bulk_inferrer: how predictions are written, and what is refused."""

import shutil
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tfx_bsl.beam import run_inference
from tfx_bsl.public.proto import model_spec_pb2

from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.tfrecord import TFRecordWriter, read_records
from support.cases.saved_models import NUM_ROWS, save_model, set_methods, write_examples
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def model(launcher: Launcher, model_folder: Path) -> Stored:
    return launcher.store(model_folder)


@pytest.fixture
def examples(launcher: Launcher, tmp_path: Path) -> Stored:
    return launcher.store(write_examples(tmp_path / "examples"), {"span": 3})


def predict_columns(*pairs: tuple[str, str]) -> dict[str, Any]:
    columns = [{"output_key": key, "output_column": column} for key, column in pairs]
    return {"output_columns_spec": [{"predict_output": {"output_columns": columns}}]}


def logs(outcome: Outcome) -> list[Any]:
    (file,) = outcome["inference_result"].path.iterdir()
    assert file.name == "prediction_logs-00000-of-00001.gz"
    parse = prediction_log_pb2.PredictionLog.FromString
    return [parse(record) for record in read_records(file)]


def oracle(model: Path, examples: Path, signature: str) -> list[Any]:
    """Returns the result for `eval` of tfx_bsl's RunInference, which TFX's BulkInferrer calls."""
    spec = model_spec_pb2.InferenceSpecType(
        saved_model_spec=model_spec_pb2.SavedModelSpec(
            model_path=str(model / "Format-Serving"), signature_name=[signature]
        )
    )
    records = [r for batch in ExamplesReader(examples, "test").serialized("eval") for r in batch]
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(records, reshuffle=False)
            | run_inference.RunInferenceImpl(spec)
            | beam.Map(lambda log: log.SerializeToString())
            | beam.io.WriteToTFRecord(str(examples / "oracle"), num_shards=1)
        )
    (file,) = examples.glob("oracle*")
    parse = prediction_log_pb2.PredictionLog.FromString
    return [parse(record) for record in read_records(file)]


def unordered(messages: list[Any]) -> list[bytes]:
    return sorted(message.SerializeToString(deterministic=True) for message in messages)


@pytest.mark.slow
@pytest.mark.parametrize("signature", ["serving_default", "classify", "regress"])
def test_prediction_logs_are_those_of_tfx(
    launcher: Launcher, model: Stored, examples: Stored, signature: str
) -> None:
    parameters = {
        "model_spec": {"model_signature_name": [signature]},
        "data_spec": {"example_splits": ["eval"]},
    }

    outcome = launcher.run("bulk_inferrer", parameters, model=model, examples=examples)

    expected = oracle(model.path, examples.path, signature)
    # protobuf does not define the order of a map's tensors, so messages are compared and not bytes.
    found = [prediction_log_pb2.PredictionLog.FromString(m) for m in unordered(logs(outcome))]
    assert found == [prediction_log_pb2.PredictionLog.FromString(m) for m in unordered(expected)]


def test_several_signatures_answer_in_one_log(
    launcher: Launcher, model: Stored, examples: Stored
) -> None:
    parameters = {"model_spec": {"modelSignatureName": ["classify", "regress"]}}

    outcome = launcher.run("bulk_inferrer", parameters, model=model, examples=examples)

    log = logs(outcome)[6].multi_inference_log
    hour = log.request.input.example_list.examples[0].features.feature["hour"]
    assert list(hour.float_list.value) == [6.0]
    classified, regressed = log.response.results
    assert classified.model_spec.signature_name == "classify"
    classes = classified.classification_result.classifications[0].classes
    assert [(each.label, each.score) for each in classes] == [("late", 0.25), ("early", 0.75)]
    assert regressed.model_spec.signature_name == "regress"
    assert regressed.regression_result.regressions[0].value == 12.0


def test_every_row_of_every_split_is_predicted_by_default(
    launcher: Launcher, model: Stored, examples: Stored
) -> None:
    outcome = launcher.run("bulk_inferrer", model=model, examples=examples)

    found = logs(outcome)
    assert len(found) == 2 * NUM_ROWS
    score = found[3].predict_log.response.outputs["score"]
    assert tf.make_ndarray(score).tolist() == [[6.0]]
    assert not list(outcome["output_examples"].path.rglob("*"))


def test_several_examples_artifacts_are_read_one_after_the_other(
    launcher: Launcher, model: Stored, examples: Stored, tmp_path: Path
) -> None:
    more = launcher.store(write_examples(tmp_path / "more", 5))

    outcome = launcher.run("bulk_inferrer", model=model, examples=[examples, more])

    assert len(logs(outcome)) == 2 * (NUM_ROWS + 5)


def test_predictions_become_columns_of_the_examples(
    launcher: Launcher, model: Stored, examples: Stored
) -> None:
    columns = predict_columns(("score", "p"), ("vector", "v"), ("name", "n"), ("count", "c"))

    outcome = launcher.run(
        "bulk_inferrer",
        {"output_example_spec": columns, "data_spec": {"exampleSplits": ["eval"]}},
        model=model,
        examples=examples,
    )

    output = outcome["output_examples"]
    assert [file.name for file in (output.path / "Split-eval").iterdir()] == [
        "examples-00000-of-00001.gz"
    ]
    assert output.metadata["split_names"] == '["eval"]'
    assert output.metadata["span"] == 3
    assert output.metadata["num_predictions"] > 0
    assert not list(outcome["inference_result"].path.rglob("*"))
    reader = ExamplesReader(output.path, "test")
    assert reader.has_columnar("eval")
    (records,) = reader.serialized("eval")
    row = tf.train.Example.FromString(records[3]).features.feature
    assert sorted(row) == ["c", "carrier", "hour", "n", "p", "v"]
    assert list(row["p"].float_list.value) == [6.0]
    assert list(row["v"].float_list.value) == [3.0, -3.0, 4.0]
    assert list(row["n"].bytes_list.value) == [b"3"]
    assert list(row["c"].int64_list.value) == [3]
    assert list(row["carrier"].bytes_list.value) == [b"UA"]


def test_classes_and_regressions_of_several_signatures_become_columns(
    launcher: Launcher, model: Stored, examples: Stored
) -> None:
    spec = [
        {
            "signature_name": "classify",
            "classify_output": {"label_column": "label", "score_column": "share"},
        },
        {"signature_name": "regress", "regress_output": {"value_column": "value"}},
    ]

    outcome = launcher.run(
        "bulk_inferrer",
        {
            "model_spec": {"model_signature_name": ["classify", "regress"]},
            "output_example_spec": {"output_columns_spec": spec},
        },
        model=model,
        examples=examples,
    )

    (records,) = ExamplesReader(outcome["output_examples"].path, "test").serialized("train")
    row = tf.train.Example.FromString(records[6]).features.feature
    assert list(row["label"].bytes_list.value) == [b"late", b"early"]
    assert list(row["share"].float_list.value) == [0.25, 0.75]
    assert list(row["value"].float_list.value) == [12.0]


KINDS: dict[str, tuple[Any, list[Any]]] = {
    "bfloat16": (tf.bfloat16, [0.75, -2.5]),
    "float16": (tf.float16, [0.75, -2.5]),
    "float64": (tf.float64, [0.75, -2.5]),
    "float8": (tf.dtypes.experimental.float8_e5m2, [0.75, -2.5]),
    "uint64": (tf.uint64, [7, 2**63 - 1]),
    "int8": (tf.int8, [-7, 3]),
    "bool": (tf.bool, [True, False]),
    "string": (tf.string, [b"a", b"\xff"]),
}


def save_constants(folder: Path, values: dict[str, tuple[Any, list[Any]]]) -> Path:
    """Saves a model that answers each row with the same values, by output."""
    rows = tf.TensorSpec([None], tf.string, "examples")

    def serve(examples: Any) -> dict[str, Any]:
        size = tf.size(examples)
        return {
            key: tf.gather(tf.constant([row], kind), tf.zeros(size, tf.int32))
            if kind != tf.dtypes.experimental.float8_e5m2
            else tf.cast(tf.gather(tf.constant([row]), tf.zeros(size, tf.int32)), kind)
            for key, (kind, row) in values.items()
        }

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=[rows])
    tf.saved_model.save(module, str(folder / "Format-Serving"), {"serving_default": module.serve})
    return folder


def test_outputs_of_every_type_that_a_feature_can_hold_keep_their_values(
    launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    model = launcher.store(save_constants(tmp_path / "model", KINDS))
    columns = predict_columns(*((key, f"{key}_out") for key in KINDS))

    outcome = launcher.run(
        "bulk_inferrer", {"output_example_spec": columns}, model=model, examples=examples
    )

    path = outcome["output_examples"].path
    (records,) = ExamplesReader(path, "test").serialized("eval")
    row = tf.train.Example.FromString(records[0]).features.feature
    for key, (kind, values) in KINDS.items():
        feature = row[f"{key}_out"]
        found = getattr(feature, feature.WhichOneof("kind")).value
        assert list(found) == values, key
        assert feature.HasField("float_list") == kind.is_floating, key


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (tf.complex64, 1j, r"output 'out' of 'serving_default' is of type complex64, expected"),
        (tf.uint64, 2**63, r"output 'out' of 'serving_default' is 9223372036854775808 in a row"),
    ],
)
def test_outputs_that_no_feature_can_hold_are_refused(
    kind: Any, value: Any, message: str, launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    model = launcher.store(save_constants(tmp_path / "model", {"out": (kind, [value])}))
    columns = predict_columns(("out", "out"))

    with pytest.raises(TaskFailedError, match=message):
        launcher.run(
            "bulk_inferrer", {"output_example_spec": columns}, model=model, examples=examples
        )


@pytest.mark.parametrize(
    ("method", "outputs"),
    [
        ("classify", {"scores": (tf.bfloat16, [0.25, 0.75])}),
        ("regress", {"outputs": (tf.bfloat16, [0.75])}),
    ],
)
def test_scores_of_few_bits_are_numbers_in_logs(
    method: str, outputs: Any, launcher: Launcher, examples: Stored, tmp_path: Path
) -> None:
    save_constants(tmp_path / "model", outputs)
    set_methods(tmp_path / "model", {"serving_default": method})

    outcome = launcher.run(
        "bulk_inferrer", model=launcher.store(tmp_path / "model"), examples=examples
    )

    text = str(logs(outcome)[0])
    assert "0.75" in text


@pytest.mark.parametrize(("file", "num_files"), [("BLESSED", 1), ("NOT_BLESSED", 0), ("", 0)])
def test_only_a_blessed_model_predicts(
    launcher: Launcher,
    model: Stored,
    examples: Stored,
    tmp_path: Path,
    file: str,
    num_files: int,
) -> None:
    (tmp_path / "verdict").mkdir()
    if file:
        (tmp_path / "verdict" / file).touch()
    verdict = launcher.store(tmp_path / "verdict")

    outcome = launcher.run("bulk_inferrer", model=model, examples=examples, model_blessing=verdict)

    result = outcome["inference_result"]
    assert len(list(result.path.rglob("*"))) == num_files
    assert bool(result.metadata["num_predictions"]) == bool(num_files)
    assert not list(outcome["output_examples"].path.rglob("*"))


def test_a_split_without_rows_leaves_a_file_without_records(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    empty = launcher.store(write_examples(tmp_path / "empty", 0))

    outcome = launcher.run("bulk_inferrer", model=model, examples=empty)

    assert logs(outcome) == []


VARIES_ON_BEAM = {"inference_result/*": "Beam writes a file a bundle."}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    examples = launcher.store(write_examples(tmp_path / "examples"))

    outcome = launcher.run(
        "bulk_inferrer", model=launcher.store(save_model(tmp_path / "model")), examples=examples
    )

    files = list(outcome["inference_result"].path.iterdir())
    assert sum(len(list(read_records(file))) for file in files) == 2 * NUM_ROWS
    if not launcher.parameters:  # Beam writes several files
        assert len(logs(outcome)) == 2 * NUM_ROWS
    assert f"predicted {2 * NUM_ROWS} rows" in outcome.log
    return outcome


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"model_spec": {"model_signature_name": ["serve"]}},
            r"no signature 'serve'; it has \['classify', 'raw', 'regress', 'serving_default', 'to",
        ),
        (
            {"model_spec": {"model_signature_name": ["raw"]}},
            r"signature 'raw' takes \{'hour': 'float32\(None, 1\)'\}, expected one input of type s",
        ),
        (
            {"model_spec": {"model_signature_name": ["total"]}},
            r"output 'sum' of signature 'total' has shape \(\) for 20 rows, expected a first dim",
        ),
        (
            {"model_spec": {"model_signature_name": ["serving_default", "regress"]}},
            r"'serving_default' has the method 'tensorflow/serving/predict', expected one of \[",
        ),
        ({"model_spec": {"tag": ["gpu"]}}, r"no graph with the tags \['gpu'\]; it has \[\['serve'"),
        ({"model_spec": {"signature": "x"}}, r"`model_spec` has fields \['signature'\], expected"),
        ({"data_spec": {"example_splits": "eval"}}, r"is 'eval', expected a list of strings"),
        ({"data_spec": {"example_splits": ["test"]}}, r"names \['test'\], but `examples` has the"),
        ({"output_example_spec": {"output_columns_spec": []}}, r"expected one or more objects in"),
        (
            {"output_example_spec": predict_columns(("scores", "p"))},
            r"names the outputs \['scores'\] of signature 'serving_default', which has \['count', ",
        ),
        (
            {"output_example_spec": predict_columns(("score", "hour"))},
            r"names the column 'hour', which the examples have already\. Choose a name",
        ),
        (
            {"output_example_spec": predict_columns(("matrix", "m"))},
            r"output 'matrix' of signature 'serving_default' has shape \(2, 2\) per row, expected",
        ),
        (
            {"output_example_spec": predict_columns(("score", "p"), ("name", "p"))},
            r"names the columns \['p'\] more than once",
        ),
        (
            {"output_example_spec": predict_columns(("score", ""))},
            r"`predict_output` is .*, which does not name a column for each output",
        ),
        (
            {"output_example_spec": {"output_columns_spec": [{"signature_name": "x"}]}},
            r"has no output, expected one of \['classify_output', 'regress_output', 'predict_o",
        ),
        (
            {
                "output_example_spec": {
                    "output_columns_spec": [{"regress_output": {"value_column": "v"}}]
                }
            },
            r"has `regress_output` for signature 'serving_default', which is one to predict\. Pass",
        ),
    ],
)
def test_parameters_that_the_model_or_the_examples_contradict_are_refused(
    launcher: Launcher, model: Stored, examples: Stored, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskFailedError, match=message):
        launcher.run("bulk_inferrer", parameters, model=model, examples=examples)


def test_columns_for_only_one_of_two_signatures_are_refused(
    launcher: Launcher, model: Stored, examples: Stored
) -> None:
    spec = [{"signature_name": "regress", "regress_output": {"value_column": "v"}}]
    parameters = {
        "model_spec": {"model_signature_name": ["classify", "regress"]},
        "output_example_spec": {"output_columns_spec": spec},
    }

    with pytest.raises(TaskFailedError, match=r"no columns for the signatures \['classify'\]"):
        launcher.run("bulk_inferrer", parameters, model=model, examples=examples)


def test_examples_that_the_model_cannot_parse_are_named(
    launcher: Launcher, model: Stored, tmp_path: Path
) -> None:
    other = launcher.store(write_examples(tmp_path / "other", feature="minute"))

    with pytest.raises(
        TaskFailedError,
        match=r"bulk_inferrer: signature 'serving_default' stopped on its input: Inv.*hour.*Give",
    ):
        launcher.run("bulk_inferrer", model=model, examples=other)


def test_rows_that_are_no_examples_are_refused_where_they_are_parsed(
    launcher: Launcher, model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "examples/Split-eval"
    folder.mkdir(parents=True)
    with TFRecordWriter(folder / "data_tfrecord-00000-of-00001.gz") as writer:
        writer.write([b"no example"])

    with pytest.raises(TaskFailedError, match=r"signature 'regress' stopped on its input: .*parse"):
        launcher.run(
            "bulk_inferrer",
            {"model_spec": {"model_signature_name": ["regress"]}},
            model=launcher.store(model_folder),
            examples=launcher.store(tmp_path / "examples"),
        )


def test_a_model_that_is_none_is_refused(
    launcher: Launcher, examples: Stored, model_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "broken")
    (tmp_path / "broken/Format-Serving/saved_model.pb").write_bytes(b"\xff")
    (tmp_path / "pickled/Format-Serving").mkdir(parents=True)
    (tmp_path / "pickled/Format-Serving/model.pkl").touch()

    with pytest.raises(TaskFailedError, match=r"saved_model.pb is not a SavedModel"):
        launcher.run("bulk_inferrer", model=launcher.store(tmp_path / "broken"), examples=examples)
    with pytest.raises(
        TaskFailedError, match=r"no Format-Serving/saved_model.pb, but \['model.pkl'\] in Format-S"
    ):
        launcher.run("bulk_inferrer", model=launcher.store(tmp_path / "pickled"), examples=examples)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("classify", r"classify signature 'serving_default' answered 20 rows with .*'score': \(20"),
        ("regress", r"regress signature 'serving_default' answered 20 rows with .*, expected `out"),
    ],
)
def test_outputs_that_do_not_suit_the_method_are_refused(
    launcher: Launcher,
    examples: Stored,
    model_folder: Path,
    tmp_path: Path,
    method: str,
    message: str,
) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    set_methods(tmp_path / "model", {"serving_default": method})

    with pytest.raises(TaskFailedError, match=message):
        launcher.run("bulk_inferrer", model=launcher.store(tmp_path / "model"), examples=examples)


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
def test_variables_that_were_cut_off_are_told(
    name: str, launcher: Launcher, examples: Stored, model_folder: Path, tmp_path: Path
) -> None:
    cut = shutil.copytree(model_folder, tmp_path / "cut")
    variables = cut / "Format-Serving/variables" / name
    variables.write_bytes(variables.read_bytes()[:40])

    with pytest.raises(TaskFailedError, match=r"variables are damaged or cut off: copy the model"):
        launcher.run("bulk_inferrer", model=launcher.store(cut), examples=examples)
