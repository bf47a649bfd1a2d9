"""With a damaged columnar twin, the values come from the TFRecords, for any place of the damage."""

import logging
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace_components.contract.task import Artifact
from headrace_components.library.beam import job
from headrace_components.library.beam.examples import ReadRecordBatches
from headrace_components.library.data.examples import (
    BYTES_LIST,
    FLOAT_LIST,
    INT_LIST,
    ExamplesReader,
    ExamplesWriter,
)
from headrace_components.span_range.joining import join

NUM_ROWS = 60
NUM_FLIPS = 600


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Three files of the twin, of several row groups each, and two of TFRecords."""
    with ExamplesWriter(tmp_path / "examples", "train", rows_per_shard=20) as writer:
        for start in range(0, NUM_ROWS, 10):
            numbers = range(start, start + 10)
            arrays = [
                pa.array([[n * 1.5] * (n % 3) for n in numbers], FLOAT_LIST),
                pa.array([[n, -n] for n in numbers], INT_LIST),
                pa.array([[b"zone %d" % (n % 4)] for n in numbers], BYTES_LIST),
            ]
            writer.write(pa.RecordBatch.from_arrays(arrays, ["fare", "n", "zone"]))
    return tmp_path / "examples"


def values(batches: Iterable[pa.RecordBatch]) -> dict[str, list[Any]]:
    """Returns the values of all rows; a feature that is missing in a batch has no values."""
    columns: dict[str, list[Any]] = {"fare": [], "n": [], "zone": []}
    for batch in batches:
        for name, column in columns.items():
            if name in batch.schema.names:
                column += [value or None for value in batch.column(name).to_pylist()]
            else:
                column += [None] * batch.num_rows
    return columns


def read(path: Path, **options: Any) -> dict[str, list[Any]]:
    return values(ExamplesReader(path, "test").record_batches("train", **options))


def part(examples: Path, index: int) -> Path:
    return sorted((examples / "Columnar-train").iterdir())[index]


def flip(file: Path, position: int, bit: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= 1 << bit
    file.write_bytes(content)


def test_no_flipped_bit_changes_a_value(examples: Path) -> None:
    expected = read(examples)
    files = [*(examples / "Columnar-train").iterdir(), examples / "columnar.json"]
    places = [(file, position) for file in sorted(files) for position in range(file.stat().st_size)]
    chosen = random.Random(0)

    for file, position in chosen.sample(places, NUM_FLIPS):
        bit = chosen.randrange(8)
        flip(file, position, bit)
        reader = ExamplesReader(examples, "test")
        batches = list(reader.record_batches("train", batch_size=7))
        assert values(batches) == expected, (file, position, bit)
        assert reader.num_rows("train") == NUM_ROWS, (file, position, bit)
        flip(file, position, bit)


def test_one_damaged_file_is_named_once_and_the_others_are_read(
    examples: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = read(examples)
    flip(part(examples, 1), 200)

    with caplog.at_level(logging.WARNING):
        found = read(examples)

    assert found == expected
    (record,) = caplog.records
    assert str(part(examples, 1)) in record.message
    assert "its checksum does not match. Its rows are read from the TFRecords" in record.message


def test_a_file_that_breaks_off_while_it_is_read_loses_and_repeats_no_row(
    examples: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = read(examples)
    batches = ExamplesReader(examples, "test").record_batches("train", batch_size=4)

    first = [next(batches) for _ in range(7)]  # of the second file, 8 rows
    with part(examples, 1).open("r+b") as file:
        file.truncate(4)
    with caplog.at_level(logging.WARNING):
        rest = list(batches)

    assert values([*first, *rest]) == expected
    assert str(part(examples, 1)) in caplog.text


def test_a_file_that_disappears_is_replaced_by_the_records(examples: Path) -> None:
    expected = read(examples)
    batches = ExamplesReader(examples, "test").record_batches("train", batch_size=4)

    first = next(batches)
    part(examples, 2).unlink()

    assert values([first, *batches]) == expected


def test_some_columns_of_a_damaged_file_are_those_that_were_asked_for(examples: Path) -> None:
    flip(part(examples, 0), 200)

    batches = list(ExamplesReader(examples, "test").record_batches("train", columns=["n"]))

    assert {name for batch in batches for name in batch.schema.names} == {"n"}
    assert [row for batch in batches for row in batch.column("n").to_pylist()] == [
        [n, -n] for n in range(NUM_ROWS)
    ]


def test_an_error_of_the_caller_is_not_taken_for_damage(
    examples: Path, caplog: pytest.LogCaptureFixture
) -> None:
    batches = ExamplesReader(examples, "test").record_batches("train", batch_size=4)
    next(batches)

    with pytest.raises(OSError, match="the caller's"):
        batches.throw(OSError("the caller's"))  # type: ignore[attr-defined]
    assert not caplog.records


def test_workers_of_beam_read_the_rows_of_a_damaged_file_from_the_records(
    examples: Path, tmp_path: Path
) -> None:
    expected = read(examples)
    flip(part(examples, 1), 200)
    reader = ExamplesReader(examples, "test")
    target = Artifact(key="target", name="", uri=str(tmp_path / "out"), path=tmp_path / "out")
    target.path.mkdir()

    def build(running: job.Job) -> Any:
        read = ReadRecordBatches(reader, "train", str(examples), batch_size=7)
        return running.gather(running.pipeline | read)

    batches = job.run("test", [], target, build)

    found = sorted(zip(*values(batches).values(), strict=True), key=lambda row: row[1])
    assert found == list(zip(*expected.values(), strict=True))


def test_joined_spans_keep_the_checksums_of_their_files(examples: Path, tmp_path: Path) -> None:
    expected = read(examples)
    flip(part(examples, 1), 200)

    join([examples, examples], tmp_path / "joined")

    assert ExamplesReader(tmp_path / "joined", "test").has_columnar("train")
    assert read(tmp_path / "joined") == {name: 2 * column for name, column in expected.items()}
