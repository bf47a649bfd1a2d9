"""Examples artifacts: twin and TFRecords have the same rows, and a twin with others is not read."""

import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_components.contract.errors import InputError, named
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import (
    BYTES_LIST,
    FLOAT_LIST,
    INT_LIST,
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from headrace_components.library.data.tfrecord import TFRecordWriter

SHARD = "Split-train/data_tfrecord-00000-of-00001.gz"


def rows(**columns: tuple[pa.DataType, list[Any]]) -> pa.RecordBatch:
    arrays = [pa.array(values, kind) for kind, values in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


FIRST = rows(
    zone=(BYTES_LIST, [[b"a"], [b"b", b"c"], None]),
    fare=(FLOAT_LIST, [[2.5], [], None]),
    trips=(INT_LIST, [[-1], [], [2**62, 7]]),
    empty=(pa.null(), [None, None, None]),
)
# The feature without a type in FIRST has one here, and others are missing.
SECOND = rows(empty=(INT_LIST, [[5], None]), zone=(BYTES_LIST, [None, None]))


def write(path: Path, split: str = "train", **options: Any) -> Path:
    with ExamplesWriter(path, split, **options) as writer:
        writer.write(FIRST)
        writer.write(SECOND)
        writer.write(FIRST)
    return path


def read(path: Path, **options: Any) -> list[pa.RecordBatch]:
    return list(ExamplesReader(path, "test").record_batches("train", **options))


def test_a_twin_reads_as_its_records_do_batch_by_batch(tmp_path: Path) -> None:
    stored = read(write(tmp_path))

    for batch, source in zip(stored, (FIRST, SECOND, FIRST), strict=True):
        with ExamplesWriter(tmp_path / str(id(batch)), "train", columnar=False) as writer:
            writer.write(source)
        (decoded,) = read(tmp_path / str(id(batch)))
        assert batch.schema == decoded.schema
        assert batch.to_pydict() == decoded.to_pydict()


def test_columns_are_sorted_and_typed_as_the_decoder_types_them(tmp_path: Path) -> None:
    first, second, _ = read(write(tmp_path))

    assert first.schema == pa.schema(
        {"empty": pa.null(), "fare": FLOAT_LIST, "trips": INT_LIST, "zone": BYTES_LIST}
    )
    assert second.schema == pa.schema({"empty": INT_LIST, "zone": pa.null()})


def test_string_and_small_lists_are_stored_as_the_decoder_gives_them(tmp_path: Path) -> None:
    batch = rows(a=(pa.list_(pa.string()), [["x"], []]), b=(pa.list_(pa.int64()), [[1], None]))
    with ExamplesWriter(tmp_path, "train") as writer:
        writer.write(batch)

    (stored,) = read(tmp_path)

    assert stored.schema == pa.schema({"a": BYTES_LIST, "b": INT_LIST})
    assert stored.to_pydict() == {"a": [[b"x"], []], "b": [[1], None]}


def test_rows_keep_their_order_over_shards_and_batches(tmp_path: Path) -> None:
    with ExamplesWriter(tmp_path, "train", rows_per_shard=4) as writer:
        for start in range(0, 24, 3):
            writer.write(rows(n=(INT_LIST, [[start], [start + 1], [start + 2]])))

    assert sorted(path.name for path in (tmp_path / "Split-train").iterdir()) == [
        f"data_tfrecord-{index:05d}-of-00004.gz" for index in range(4)
    ]
    assert sorted(path.name for path in (tmp_path / "Columnar-train").iterdir()) == [
        f"part-{index:05d}-of-00004.parquet" for index in range(4)
    ]
    expected = [[number] for number in range(24)]
    reader = ExamplesReader(tmp_path, "test")
    assert reader.num_rows("train") == 24
    assert pa.Table.from_batches(read(tmp_path, batch_size=5))["n"].to_pylist() == expected
    (tmp_path / "columnar.json").unlink()
    assert pa.Table.from_batches(read(tmp_path, batch_size=5))["n"].to_pylist() == expected
    assert ExamplesReader(tmp_path, "test").num_rows("train") == 24
    assert [len(records) for records in reader.serialized("train", batch_size=4)] == [4, 2] * 4


@pytest.mark.parametrize("columnar", [True, False])
def test_columns_are_chosen_by_name_and_absent_ones_left_out(
    columnar: bool, tmp_path: Path
) -> None:
    write(tmp_path, columnar=columnar)

    batches = read(tmp_path, columns=["zone", "fare", "gone"])

    names = {name for batch in batches for name in batch.schema.names}
    assert names == {"fare", "zone"}
    assert sum(batch.num_rows for batch in batches) == 8


@pytest.mark.parametrize("columnar", [True, False])
def test_pairs_are_batches_with_their_records(columnar: bool, tmp_path: Path) -> None:
    reader = ExamplesReader(write(tmp_path, columnar=columnar, rows_per_shard=4), "test")

    pairs = list(reader.pairs("train", batch_size=2))

    batches = list(reader.record_batches("train", batch_size=2))
    assert [batch.to_pydict() for batch, _ in pairs] == [batch.to_pydict() for batch in batches]
    assert [len(records) for _, records in pairs] == [batch.num_rows for batch in batches]
    records = [record for some in reader.serialized("train") for record in some]
    assert [record for _, some in pairs for record in some] == records


def test_a_split_without_rows_is_a_split(tmp_path: Path) -> None:
    with ExamplesWriter(tmp_path, "train"):
        pass

    reader = ExamplesReader(tmp_path, "test")
    assert reader.split_names == ("train",)
    assert reader.num_rows("train") == 0
    assert reader.has_columnar("train")
    assert read(tmp_path) == []
    assert [path.name for path in reader.tfrecord_files("train")] == [
        "data_tfrecord-00000-of-00001.gz"
    ]


def test_serialized_records_are_written_as_they_come(tmp_path: Path) -> None:
    batch = rows(n=(INT_LIST, [[1]]))
    record = b"\n\x0c\n\x0a\n\x01n\x12\x05\x1a\x03\n\x01\x01"
    with ExamplesWriter(tmp_path, "train", prefix="transformed_examples") as writer:
        writer.write(batch, [record])

    (records,) = ExamplesReader(tmp_path, "test").serialized("train")
    assert records == [record]
    assert (tmp_path / "Split-train/transformed_examples-00000-of-00001.gz").is_file()


def test_an_interrupted_writer_vouches_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ExamplesWriter(tmp_path, "train") as writer:
        writer.write(FIRST)
        raise KeyboardInterrupt

    assert not (tmp_path / "columnar.json").exists()


def replace_shard(path: Path) -> None:
    with TFRecordWriter(path / SHARD) as writer:
        writer.write([b"\n\0"])


def add_shard(path: Path) -> None:
    with TFRecordWriter(path / "Split-train/data_tfrecord-00001-of-00002.gz") as writer:
        writer.write([b"\n\0"])


def drop_part(path: Path) -> None:
    next((path / "Columnar-train").iterdir()).unlink()


def cut_part(path: Path) -> None:
    part = next((path / "Columnar-train").iterdir())
    part.write_bytes(part.read_bytes()[:-1])


def rename_shard(path: Path) -> None:
    (path / SHARD).rename(path / "Split-train/other.gz")


def break_manifest(path: Path) -> None:
    (path / "columnar.json").write_text("{", "utf-8")


def age_manifest(path: Path) -> None:
    (path / "columnar.json").write_text('{"format_version": 0, "splits": {}}', "utf-8")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (replace_shard, "data_tfrecord-00000-of-00001.gz is not the file"),
        (add_shard, "data_tfrecord-00001-of-00002.gz is not the file"),
        (rename_shard, "other.gz is not the file"),
        (drop_part, ".parquet is missing, or is not the file"),
        (cut_part, ".parquet is missing, or is not the file"),
        (break_manifest, "columnar.json cannot be read"),
        (age_manifest, "its format version is 0, this code reads 2"),
    ],
)
def test_a_twin_that_does_not_match_is_ignored_with_one_warning(
    change: Any, named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path)
    change(tmp_path)
    reader = ExamplesReader(tmp_path, "test")

    with caplog.at_level(logging.WARNING):
        batches = list(reader.record_batches("train"))
        assert not reader.has_columnar("train")

    assert sum(batch.num_rows for batch in batches) == reader.num_rows("train")
    assert len(caplog.records) == 1
    assert named in caplog.text


def test_a_missing_twin_is_no_reason_to_warn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        read(write(tmp_path, columnar=False))

    assert not caplog.records


def test_a_split_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "eval")

    with (
        pytest.raises(InputError, match=r"test: split 'trian' is not in .*\['eval', 'train'\]"),
        named("test"),
    ):
        ExamplesReader(tmp_path, "test").check_split("trian")


def test_a_directory_without_splits_is_no_examples_artifact(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"test: .*gone holds no Split-\* directory"),
        named("test"),
    ):
        ExamplesReader(tmp_path / "gone", "test")


def test_a_split_without_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "Split-train").mkdir()

    with pytest.raises(InputError, match=r"Split-train of .* holds no TFRecord file"):
        read(tmp_path)


def test_records_that_are_no_examples_are_named(tmp_path: Path) -> None:
    write(tmp_path, columnar=False)
    with TFRecordWriter(tmp_path / SHARD) as writer:
        writer.write([b"\n\0", b"no example"])

    with pytest.raises(InputError, match=r"00001.gz, records 0 to 1: not all are tf.Examples"):
        read(tmp_path)


def test_records_that_hold_a_feature_in_two_types_name_it(tmp_path: Path) -> None:
    write(tmp_path, columnar=False)
    ints = {"fare": pa.array([[1]], pa.large_list(pa.int64()))}
    floats = {"fare": pa.array([[0.5]], pa.large_list(pa.float32()))}
    with TFRecordWriter(tmp_path / SHARD) as writer:
        for columns in (ints, floats):
            writer.write(encode_examples(pa.RecordBatch.from_pydict(columns)))

    with pytest.raises(
        InputError,
        match=r"00001.gz, records 0 to 1: feature 'fare' holds whole numbers \(int64_list\) in "
        r"some rows and decimals \(float_list\) in others, expected one type",
    ):
        read(tmp_path)


def test_the_twin_is_plain_parquet(tmp_path: Path) -> None:
    write(tmp_path)

    table = pq.read_table(tmp_path / "Columnar-train/part-00000-of-00003.parquet")

    assert table.to_pydict() == {name: FIRST.column(i).to_pylist() for i, name in NAMED}


NAMED = sorted(enumerate(FIRST.schema.names), key=lambda pair: pair[1])


def test_metadata_leaves_out_what_is_not_known() -> None:
    assert examples_metadata(["train"]) == {
        "split_names": '["train"]',
        "span": 0,
        "payload_format": "FORMAT_TF_EXAMPLE",
        "file_format": "tfrecords_gzip",
    }
    assert examples_metadata(["a"], span=3, version=2, fingerprint="f").items() >= {
        ("span", 3),
        ("version", 2),
        ("input_fingerprint", "f"),
    }
