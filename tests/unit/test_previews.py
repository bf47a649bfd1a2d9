"""What readers of artifacts give to pages, from real files; and what they do with damaged ones."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tensorflow_model_analysis.proto import metrics_for_slice_pb2, validation_result_pb2
from tensorflow_serving.apis import prediction_log_pb2

from headrace_components.contract.errors import InputError
from headrace_components.library.data import schemas, statistics
from headrace_components.library.data.examples import BYTES_LIST, FLOAT_LIST, ExamplesWriter
from headrace_components.library.data.tfrecord import TFRecordWriter
from headrace_components.library.models.saved_model import all_signatures
from headrace_components.library.previews import wire
from headrace_components.library.previews.example_table import Window, read_table
from headrace_components.library.previews.reading import answer
from headrace_components.library.previews.values import cell
from support.cases.saved_models import save_model

NUM_ROWS = 45


def texts(block: Any) -> str:
    return json.dumps(block)


def table(sections: list[Any], number: int = 0) -> list[list[Any]]:
    """Returns the rows of a table of the sections."""
    blocks = [block for section in sections for block in section["blocks"]]
    rows: list[list[Any]] = [each for each in blocks if each["kind"] == "table"][number]["rows"]
    return rows


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    path = tmp_path / "examples"
    with ExamplesWriter(path, "train", rows_per_shard=20) as writer:
        for start in range(0, NUM_ROWS, 15):
            rows = range(start, start + 15)
            arrays = [
                pa.array([[n * 1.5] * (n % 3) if n % 5 else None for n in rows], FLOAT_LIST),
                pa.array([[b"<script>%d" % n] for n in rows], BYTES_LIST),
            ]
            writer.write(pa.RecordBatch.from_arrays(arrays, ["fare", "<b>zone"]))
    return path


def test_each_row_is_on_one_page_also_where_files_and_batches_end(examples: Path) -> None:
    shown = []
    for first in range(0, NUM_ROWS, 7):
        page = read_table(examples, Window(row=first, num_rows=7))
        assert page["has_more"] == (first + 7 < NUM_ROWS)
        shown += [row[0] for row in page["rows"]]

    assert shown == [f"<script>{n}" for n in range(NUM_ROWS)]


def test_the_twin_and_the_records_show_the_same(examples: Path) -> None:
    window = Window(row=18, num_rows=9)
    from_twin = read_table(examples, window)
    (examples / "columnar.json").unlink()

    from_records = read_table(examples, window)

    assert from_twin["num_rows"] == NUM_ROWS
    assert from_records["num_rows"] is None
    assert from_twin["columns"] == from_records["columns"]
    missing = [{"text": "missing", "soft": True}, {"text": "no value", "soft": True}]
    assert [
        [missing[0] if each in missing else each for each in row] for row in from_twin["rows"]
    ] == [[missing[0] if each in missing else each for each in row] for row in from_records["rows"]]
    assert from_twin["rows"][1] == ["<script>19", "28.5"]
    assert from_twin["rows"][2][1] == {"text": "missing", "soft": True}


def test_rows_of_a_damaged_twin_are_of_the_records_and_the_page_says_so(examples: Path) -> None:
    part = sorted((examples / "Columnar-train").iterdir())[1]
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)

    page = read_table(examples, Window(row=20, num_rows=3))

    assert [row[0] for row in page["rows"]] == ["<script>20", "<script>21", "<script>22"]
    assert "its checksum does not match" in page["notes"][0]


def test_a_record_file_that_is_cut_off_is_named(examples: Path) -> None:
    (examples / "columnar.json").unlink()
    file = sorted((examples / "Split-train").iterdir())[0]
    file.write_bytes(file.read_bytes()[:-40])

    with pytest.raises(InputError, match=f"{file.name} is corrupt"):
        read_table(examples, Window(num_rows=NUM_ROWS))


def test_rows_after_the_last_are_an_empty_page(examples: Path) -> None:
    page = read_table(examples, Window(row=10**9))

    assert page["rows"] == []
    assert not page["has_more"]


def test_of_5000_columns_a_page_has_some_and_finds_the_others_by_name(tmp_path: Path) -> None:
    names = [f"feature_{n:04}" for n in range(5000)]
    with ExamplesWriter(tmp_path, "train") as writer:
        arrays = [pa.array([[float(n)]], FLOAT_LIST) for n in range(5000)]
        writer.write(pa.RecordBatch.from_arrays(arrays, names))

    for _ in ("twin", "records"):
        first = read_table(tmp_path, Window())
        found = read_table(tmp_path, Window(find="URE_123"))
        later = read_table(tmp_path, Window(column=4990))

        assert (len(first["columns"]), first["num_columns"]) == (20, 5000)
        assert [each["name"] for each in found["columns"]] == [f"feature_123{n}" for n in range(10)]
        assert found["rows"] == [[f"123{n}" for n in range(10)]]
        assert later["rows"][0][-1] == "4999"
        (tmp_path / "columnar.json").unlink(missing_ok=True)


def test_sequences_are_lists_of_their_steps(tmp_path: Path) -> None:
    bytes_list = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"ann"]))
    steps = [tf.train.Feature(int64_list=tf.train.Int64List(value=[n, -n])) for n in (1, 2)]
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature={"user": bytes_list}),
        feature_lists=tf.train.FeatureLists(
            feature_list={"clicks": tf.train.FeatureList(feature=steps)}
        ),
    )
    (tmp_path / "Split-train").mkdir()
    with TFRecordWriter(tmp_path / "Split-train/data") as writer:
        writer.write([example.SerializeToString()])

    page = read_table(tmp_path, Window(), "FORMAT_TF_SEQUENCE_EXAMPLE")

    assert page["rows"] == [["[[1, -1], [2, -2]]", "ann"]]
    assert page["columns"][0] == {"name": "clicks", "type": "sequence of int64"}


def test_records_of_another_kind_are_named_and_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "Split-train").mkdir()
    with TFRecordWriter(tmp_path / "Split-train/data") as writer:
        writer.write([b"\xff\xff not a message"])

    with pytest.raises(InputError, match=r"are no tf.Examples"):
        read_table(tmp_path, Window())
    page = read_table(tmp_path, Window(), "FORMAT_PROTO")
    assert page["columns"][0]["name"] == "record (FORMAT_PROTO)"


def test_a_split_that_is_a_link_to_another_place_is_not_read(
    examples: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    (examples / "Split-train").rename(outside)
    (examples / "Split-train").symlink_to(outside)

    with pytest.raises(InputError, match="no rows"):
        read_table(examples, Window())


def test_images_are_drawn_and_other_bytes_are_counted() -> None:
    image = tf.io.encode_png(tf.zeros([4, 4, 3], tf.uint8)).numpy()

    assert cell(image)["image"].startswith("data:image/png;base64,")  # type: ignore[index]
    assert cell(b"<svg onload=alert(1)>") == "<svg onload=alert(1)>"
    assert (
        cell(bytes(range(256)) * 40) == "10 KB: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f ..."
    )
    assert cell(b"BM is the beginning of a text") == "BM is the beginning of a text"
    assert cell([1.5, float("nan"), float("inf")]) == "[1.5, nan, inf]"
    assert cell(list(range(1000))) == "[0, 1, 2, 3, 4, 5, 6, 7, ... 1,000 values]"


def test_signatures_are_those_that_tensorflow_reads(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model") / "Format-Serving"

    sections = answer({"what": "read", "type": "Model", "path": str(tmp_path / "model")})

    expected = {
        (name, port.removesuffix("s"), key)
        for name, signature in all_signatures(folder).items()
        for port in ("inputs", "outputs")
        for key in getattr(signature, port)
    }
    assert {tuple(row[:3]) for row in table(sections)} == expected
    assert "float32" in texts(sections)


def test_a_damaged_model_gives_an_error_and_never_a_traceback(tmp_path: Path) -> None:
    folder = save_model(tmp_path) / "Format-Serving"
    whole = (folder / "saved_model.pb").read_bytes()
    draw = random.Random(1)
    refused = 0
    for _ in range(60):
        content = bytearray(whole[: draw.randrange(1, len(whole))])
        content[draw.randrange(min(len(content), 300))] ^= 1 << draw.randrange(8)
        (folder / "saved_model.pb").write_bytes(content)
        try:
            answer({"what": "read", "type": "Model", "path": str(tmp_path)})
        except InputError as error:
            refused += "is not a SavedModel" in str(error)
    assert refused > 30


def test_the_reader_of_messages_agrees_with_protobuf() -> None:
    message = saved_model_pb2.SavedModel(saved_model_schema_version=-1)
    graph = message.meta_graphs.add()
    graph.meta_info_def.tags.extend(["serve", "é"])
    graph.signature_def["f"].inputs["x"].tensor_shape.dim.add(size=-1)
    spec: wire.Spec = {
        1: ("version", "int"),
        2: ("graphs*", {1: ("meta", {4: ("tags*", "text")}), 5: ("f*", {1: ("key", "text")})}),
    }

    found = wire.decode(message.SerializeToString(), spec)

    assert found == {
        "version": -1,
        "graphs": [{"meta": {"tags": ["serve", "é"]}, "f": [{"key": "f"}]}],
    }


def write_statistics(path: Path, rows: list[dict[str, Any]], split: str = "train") -> Path:
    import pandas as pd
    import tensorflow_data_validation as tfdv

    found = tfdv.generate_statistics_from_dataframe(pd.DataFrame(rows))
    folder = path / f"Split-{split}"
    folder.mkdir(parents=True)
    (folder / "FeatureStats.pb").write_bytes(found.SerializeToString())
    return path


def test_the_feature_that_moved_most_is_first(tmp_path: Path) -> None:
    draw = random.Random(3)
    before = [{"same": draw.random(), "age": draw.gauss(40, 5), "city": "a"} for _ in range(300)]
    after = [
        {"same": draw.random(), "age": draw.gauss(60, 5), "city": draw.choice("ab")}
        for _ in range(300)
    ]
    paths = {
        "before": str(write_statistics(tmp_path / "1", before)),
        "after": str(write_statistics(tmp_path / "2", after)),
    }

    rows = table(answer({"what": "compare", "type": "ExampleStatistics", **paths}))

    assert [row[0] for row in rows] == ["age", "city", "same"]
    assert 0.8 < rows[0][2] <= 1
    assert abs(rows[1][2] - 0.5) < 0.1
    assert rows[2][1] == {"text": "no", "soft": True}


def test_statistics_that_are_cut_off_are_named(tmp_path: Path) -> None:
    path = write_statistics(tmp_path, [{"x": 1.0}])
    file = path / "Split-train/FeatureStats.pb"
    file.write_bytes(file.read_bytes()[:-3])

    with pytest.raises(InputError, match=r"FeatureStats.pb is not a DatasetFeatureStatisticsList"):
        answer({"what": "read", "type": "ExampleStatistics", "path": str(path)})
    message = statistics_pb2.DatasetFeatureStatisticsList()
    file.write_bytes(message.SerializeToString())
    assert "0 rows" in texts(
        answer({"what": "read", "type": "ExampleStatistics", "path": str(path)})
    )


def test_a_list_without_values_is_a_missing_value(tmp_path: Path) -> None:
    import pyarrow as pa
    import tensorflow_data_validation as tfdv

    column = pa.array([[1.0], [], None, []] * 5, pa.large_list(pa.float32()))
    batch = pa.RecordBatch.from_pydict({"gust": column})
    found = statistics.compute([batch], tfdv.StatsOptions())
    (tmp_path / "Split-train").mkdir()
    (tmp_path / "Split-train/FeatureStats.pb").write_bytes(found.SerializeToString())

    shown = answer({"what": "read", "type": "ExampleStatistics", "path": str(tmp_path)})

    (row,) = shown[0]["blocks"][0]["rows"]
    assert row[:4] == ["gust", "float", 5, {"text": "75%", "tone": "warn"}]


def test_schemas_differ_in_what_was_added_lost_and_changed(tmp_path: Path) -> None:
    old, new = schema_pb2.Schema(), schema_pb2.Schema()
    for schema, values in ((old, ["a", "b"]), (new, ["b", "c"])):
        feature = schema.feature.add(name="city", type=schema_pb2.BYTES, domain="city")
        feature.presence.min_fraction = 1
        schema.string_domain.add(name="city", value=values)
    old.feature.add(name="gone", type=schema_pb2.INT)
    new.feature.add(name="new", type=schema_pb2.FLOAT, not_in_environment=["SERVING"])
    schemas.write(old, tmp_path / "1")
    schemas.write(new, tmp_path / "2")

    paths = {"before": str(tmp_path / "1"), "after": str(tmp_path / "2")}
    rows = table(answer({"what": "compare", "type": "Schema", **paths}))

    assert ["city", "values", "1 without: a", "1 with: c"] in rows
    assert [row[0] for row in rows if isinstance(row[1], dict)] == ["new", "gone"]
    listed = answer({"what": "read", "type": "Schema", "path": str(tmp_path / "2")})
    assert [row[5] for row in table(listed) if row[0] == "new"] == ["not in SERVING"]


def test_anomalies_are_listed_with_their_split(tmp_path: Path) -> None:
    diff = anomalies_pb2.Anomalies()
    diff.anomaly_info["age"].short_description = "Out of range"
    diff.anomaly_info["age"].description = "Values above 120."
    (tmp_path / "Split-eval").mkdir()
    (tmp_path / "Split-eval/SchemaDiff.pb").write_bytes(diff.SerializeToString())

    found = answer({"what": "read", "type": "ExampleAnomalies", "path": str(tmp_path)})

    assert table(found) == [["age", "eval", "Out of range", "Values above 120."]]


def write_metrics(path: Path, values: dict[str, dict[str, float]]) -> str:
    path.mkdir()
    with tf.io.TFRecordWriter(str(path / "metrics-00000-of-00001.tfrecord")) as writer:
        for part, metrics in values.items():
            message = metrics_for_slice_pb2.MetricsForSlice()
            if part:
                key = message.slice_key.single_slice_keys.add(column="zone")
                key.bytes_value = part.encode()
            for name, value in metrics.items():
                each = message.metric_keys_and_values.add()
                each.key.name = name
                each.value.double_value.value = value
            writer.write(message.SerializeToString())
    return str(path)


def test_the_metric_that_got_worst_is_first_and_of_losses_more_is_worse(tmp_path: Path) -> None:
    before = write_metrics(
        tmp_path / "1", {"": {"auc": 0.8, "loss": 0.5, "example_count": 9}, "b": {"auc": 0.9}}
    )
    after = write_metrics(
        tmp_path / "2", {"": {"auc": 0.81, "loss": 0.6, "example_count": 7}, "b": {"auc": 0.5}}
    )

    found = answer({"what": "compare", "type": "ModelEvaluation", "before": before, "after": after})

    assert [row[:2] for row in table(found)] == [
        ["auc", "zone = b"],
        ["loss", "all rows"],
        ["auc", "all rows"],
    ]
    assert [row[4]["tone"] for row in table(found)] == ["bad", "bad", "good"]
    assert "2 of 3 values got worse" in texts(found)


def test_a_threshold_that_does_not_hold_has_its_value_and_its_bound(tmp_path: Path) -> None:
    path = write_metrics(tmp_path / "e", {"": {"auc": 0.6}})
    message = validation_result_pb2.ValidationResult(validation_ok=False)
    failure = message.metric_validations_per_slice.add().failures.add()
    failure.metric_key.name = "auc"
    failure.metric_value.double_value.value = 0.6
    failure.metric_threshold.value_threshold.lower_bound.value = 0.68
    with tf.io.TFRecordWriter(f"{path}/validations.tfrecord") as writer:
        writer.write(message.SerializeToString())

    found = answer({"what": "read", "type": "ModelEvaluation", "path": path})

    assert table(found)[0] == ["auc", "all rows", 0.6, "at least 0.68"]


def test_scalars_of_tensorboard_are_curves_also_of_a_log_that_ends_early(tmp_path: Path) -> None:
    for name, scale in (("train", 1.0), ("validation", 2.0)):
        with tf.summary.create_file_writer(str(tmp_path / name)).as_default():
            for step in range(1000):
                tf.summary.scalar("<loss>", scale / (step + 1), step=step)
    log = next((tmp_path / "validation").iterdir())
    log.write_bytes(log.read_bytes()[:-5])

    (section,) = answer({"what": "read", "type": "ModelRun", "path": str(tmp_path)})

    warning, chart = section["blocks"]
    assert "is corrupt at record" in warning["text"]
    assert [line["name"] for line in chart["series"]] == ["train", "validation"]
    points = chart["series"][0]["points"]
    assert 300 < len(points) <= 401
    assert points[0] == [0, 1.0]
    assert points[-1][0] == 999


def test_predictions_are_rows_with_a_column_for_each_output(tmp_path: Path) -> None:
    logs = []
    for number in range(3):
        log = prediction_log_pb2.PredictionLog()
        outputs = log.predict_log.response.outputs
        outputs["scores"].CopyFrom(tf.make_tensor_proto([[0.25, number]], tf.float32))
        outputs["label"].CopyFrom(tf.make_tensor_proto([b"<b>"]))
        logs.append(log.SerializeToString())
    classified = prediction_log_pb2.PredictionLog()
    result = classified.classify_log.response.result.classifications.add()
    result.classes.add(label="cat", score=0.25)
    result.classes.add(label="dog", score=0.75)
    with TFRecordWriter(tmp_path / "prediction_logs-00000-of-00001.gz") as writer:
        writer.write([*logs, classified.SerializeToString()])

    (section,) = answer({"what": "read", "type": "InferenceResult", "path": str(tmp_path)})

    columns = section["blocks"][1]["columns"]
    rows = [dict(zip(columns, row, strict=True)) for row in table([section])]
    assert rows[1] == {"row": 2, "scores": "[0.25, 1]", "label": "<b>", "classes": None}
    assert rows[3]["classes"] == "dog 0.75, cat 0.25"


@pytest.mark.parametrize("content", ["", "[", "[]", "null", '{"values": 3}', "[" * 100_000])
def test_damaged_results_of_a_tuner_give_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "best_hyperparameters.txt").write_text(content)

    with pytest.raises(InputError):
        answer({"what": "read", "type": "HyperParameters", "path": str(tmp_path)})


def test_the_process_answers_each_line_and_imports_no_tensorflow(examples: Path) -> None:
    rows = {"what": "rows", "path": str(examples), "payload_format": "", "window": {}}
    questions = [rows, {"what": "read", "type": "Schema", "path": str(examples)}, rows]
    code = (
        "import sys\nfrom headrace_components.library.previews import reading\n"
        "try:\n    reading.main()\nfinally:\n"
        "    print(sorted({'tensorflow', 'tfx_bsl', 'apache_beam'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        input="".join(json.dumps(each) + "\n" for each in questions),
        capture_output=True,
        text=True,
        check=True,
    )

    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first == third
    assert len(first["answer"]["rows"]) == 20
    assert "no schema.pbtxt" in second["error"]
    assert done.stderr.strip().endswith("[]")


TFX = Path(__file__).parents[1] / "fixtures/tfx_artifacts"
WRITTEN_BY_TFX = {
    "schema": ("Schema", "in each row"),
    "statistics": ("ExampleStatistics", "median"),
    "sequence_statistics": ("ExampleStatistics", "struct"),
    "pre_transform_stats": ("ExampleStatistics", "All rows"),
    "anomalies": ("ExampleAnomalies", "anomal"),
    "evaluation": ("ModelEvaluation", "all rows"),
    "inference_result": ("InferenceResult", "Predictions"),
    "model": ("Model", "serving_default"),
    "pushed_model": ("PushedModel", "serving_default"),
    "transform_graph": ("TransformGraph", "Features after"),
}


@pytest.mark.parametrize("name", WRITTEN_BY_TFX)
def test_what_tfx_wrote_is_read(name: str) -> None:
    kind, words = WRITTEN_BY_TFX[name]

    found = answer({"what": "read", "type": kind, "path": str(TFX / name)})

    assert words in texts(found)


def test_examples_that_tfx_wrote_are_read() -> None:
    page = read_table(TFX / "examples", Window())

    assert [each["name"] for each in page["splits"]] == ["train", "eval"]
    assert len(page["rows"]) == 20
    assert page["num_columns"] > 2


def test_sequences_that_tfx_wrote_are_read() -> None:
    page = read_table(TFX / "sequences", Window(), "FORMAT_TF_SEQUENCE_EXAMPLE")

    assert any(each["type"].startswith("sequence of ") for each in page["columns"])
    assert page["rows"]
