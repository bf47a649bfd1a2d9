"""Components that make examples do the same on Beam as without it: the same rows and messages."""

import gzip
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apache_beam as beam
import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_components.contract.errors import InputError
from headrace_components.csv_example_gen.params import CsvExampleGenParams
from headrace_components.library.beam.job import Job
from headrace_components.library.beam.options import BeamOptions
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.tfrecord import frame
from headrace_components.library.sources.beam_engine import read
from headrace_components.library.sources.source import Source
from support.cases.example_sources import FIXTURE, THREE, TWO, divided, records_of
from support.launcher.entry_points import Launcher, Stored, TaskFailedError

IN_MEMORY = ["--runner=DirectRunner"]
PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]

CELLS = FIXTURE.parent / "csv_example_gen" / "cells"
PER_DAY = {
    "splits": [
        {"name": name, "pattern": f"{{YYYY}}-{{MM}}-{{DD}}/{name}*"} for name in ("train", "eval")
    ]
}
SEQUENCE = "FORMAT_TF_SEQUENCE_EXAMPLE"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


def table(first: int, num_rows: int = 50) -> pa.Table:
    numbers = range(first, first + num_rows)
    return pa.table(
        {
            "id": pa.array(numbers),
            "fare": pa.array([n / 4 if n % 3 else None for n in numbers], pa.float64()),
            "zone": pa.array([f"z{n % 7}" if n % 5 else None for n in numbers], pa.string()),
            "stops": pa.array([[n] * (n % 3) for n in numbers], pa.list_(pa.int64())),
        }
    )


def write_parquet(path: Path, columns: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)


def write_avro(path: Path, kind: Any, values: Sequence[Any]) -> None:
    fields = [{"name": "a", "type": ["null", kind]}]
    with path.open("wb") as file:
        rows = [{"a": value} for value in values]
        fastavro.writer(file, {"type": "record", "name": "Row", "fields": fields}, rows)


def write_records(path: Path, columns: Mapping[str, Any]) -> None:
    path.write_bytes(frame(encode_examples(pa.RecordBatch.from_pydict(columns))))


def write_database(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE rides (id INTEGER, fare REAL, zone TEXT)")
        rows = [(n, n / 4 if n % 3 else None, f"z{n % 7}") for n in range(100)]
        connection.executemany("INSERT INTO rides VALUES (?, ?, ?)", rows)
    return f"sqlite:///{path}"


def csv(base: Path) -> Mapping[str, Any]:
    return {"input_base": str(CELLS), "output_config": divided(THREE)}


def csv_with_declared_types(base: Path) -> Mapping[str, Any]:
    (base / "1.csv").write_text("a,b,c,_\n1,2,,\n", "utf-8")
    (base / "2.csv").write_text("a,b,c,_\n3,4,,\n", "utf-8")
    (base / "_SUCCESS").write_text("", "utf-8")
    return {"input_base": str(base), "column_types": {"a": "FLOAT", "b": "BYTES", "c": "INT"}}


def csv_by_a_feature(base: Path) -> Mapping[str, Any]:
    return {"input_base": str(CELLS), "output_config": divided(TWO, "whole")}


def csv_of_days_and_versions(base: Path) -> Mapping[str, Any]:
    for day in (1, 2):
        for name, values in (("train-1", ["1", "", "2"]), ("train-2", ["", "x"]), ("eval", ["3"])):
            path = base / f"1970-01-0{day}" / f"{name}.csv"
            path.parent.mkdir(exist_ok=True)
            path.write_text("a;day\n" + "".join(f"{value};{day}\n" for value in values), "utf-8")
    return {"input_base": base.as_uri(), "input_config": PER_DAY, "delimiter": ";"}


def parquet(base: Path) -> Mapping[str, Any]:
    for part in range(3):
        write_parquet(base / f"{part}.parquet", table(50 * part))
    return {"input_base": str(base), "compression_level": 9}


def parquet_without_a_twin(base: Path) -> Mapping[str, Any]:
    return {**parquet(base), "columnar": False, "output_config": divided(THREE, "zone")}


def avro(base: Path) -> Mapping[str, Any]:
    # Only the second file shows the type of the first file's column.
    for name, values in (("1", [None, None]), ("2", [1, None, 2**40]), ("3", [3])):
        write_avro(base / f"{name}.avro", "long", values)
    return {"input_base": str(base)}


def records(base: Path) -> Mapping[str, Any]:
    return {"input_base": str(FIXTURE / "tfrecord")}


def records_by_a_feature(base: Path) -> Mapping[str, Any]:
    # Not all files have the feature.
    write_records(base / "1.tfrecord", {"zone": [[b"a"], [b"b"], []], "id": [[1], [2], [3]]})
    write_records(base / "2.tfrecord", {"id": [[4], [5]]})
    return {"input_base": str(base), "output_config": divided(TWO, "zone")}


def sequences(base: Path) -> Mapping[str, Any]:
    return {
        "input_base": str(FIXTURE / "sequence"),
        "payload_format": SEQUENCE,
        "output_config": divided(THREE, "zone"),
    }


def protos(base: Path) -> Mapping[str, Any]:
    for part in range(2):
        records = [b"message %d of %d" % (number, part) for number in range(20)]
        (base / f"{part}.gz").write_bytes(gzip.compress(frame(records)))
    return {"input_base": str(base), "payload_format": "FORMAT_PROTO"}


def queries(base: Path) -> Mapping[str, Any]:
    splits = [
        {"name": name, "pattern": f"SELECT * FROM rides WHERE id % 2 = {rest}"}
        for name, rest in (("even", 0), ("odd", 1))
    ]
    return {"url": write_database(base / "rides.db"), "input_config": {"splits": splits}}


def query_by_a_feature(base: Path) -> Mapping[str, Any]:
    return {
        "url": write_database(base / "rides.db"),
        "query": "SELECT * FROM rides",
        "output_config": divided(THREE, "zone"),
    }


def content(examples: Stored) -> dict[str, list[bytes]]:
    """Checks that the twin has the same rows, and returns the sorted records of each split."""
    reader = ExamplesReader(examples.path, "test")
    has_twin = (examples.path / "columnar.json").exists()
    assert {reader.has_columnar(split) for split in reader.split_names} == {has_twin}
    if has_twin:
        stored = {split: values(reader, split) for split in reader.split_names}
        (examples.path / "columnar.json").unlink()
        decoding = ExamplesReader(examples.path, "test")
        assert stored == {split: values(decoding, split) for split in reader.split_names}
    return {split: sorted(records_of(examples, split)) for split in reader.split_names}


def values(reader: ExamplesReader, split: str) -> list[str]:
    rows = [row for batch in reader.record_batches(split) for row in batch.to_pylist()]
    # As text, in which NaN equals NaN.
    return [str({name: value for name, value in row.items() if value is not None}) for row in rows]


def spoken(caplog: pytest.LogCaptureFixture, component: str) -> list[str]:
    """Returns the component's new log messages since the last call."""
    messages = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return sorted(message for message in messages if message.startswith(component))


@pytest.mark.parametrize(
    ("component", "prepare", "args"),
    [
        ("csv_example_gen", csv, IN_MEMORY),
        ("csv_example_gen", csv_by_a_feature, PROCESSES),
        ("csv_example_gen", csv_with_declared_types, IN_MEMORY),
        ("csv_example_gen", csv_of_days_and_versions, IN_MEMORY),
        ("parquet_example_gen", parquet, IN_MEMORY),
        ("parquet_example_gen", parquet_without_a_twin, IN_MEMORY),
        ("avro_example_gen", avro, IN_MEMORY),
        ("import_example_gen", records, IN_MEMORY),
        ("import_example_gen", records_by_a_feature, IN_MEMORY),
        ("import_example_gen", sequences, IN_MEMORY),
        ("import_example_gen", protos, IN_MEMORY),
        ("query_example_gen", queries, IN_MEMORY),
        ("query_example_gen", query_by_a_feature, IN_MEMORY),
    ],
)
def test_rows_splits_and_metadata_are_the_same(
    component: str,
    prepare: Callable[[Path], Mapping[str, Any]],
    args: Sequence[str],
    launcher: Launcher,
    base: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    parameters = prepare(base)
    caplog.set_level(logging.INFO)
    alone = launcher.run(component, parameters)["examples"]
    words = spoken(caplog, component)
    on_beam = launcher.run(component, {**parameters, "beam_pipeline_args": args})["examples"]

    assert spoken(caplog, component) == words
    assert on_beam.metadata == alone.metadata
    assert files(on_beam) == files(alone)
    assert content(on_beam) == content(alone)


def files(examples: Stored) -> set[str]:
    """Returns the names of the files without the numbers of shards."""
    paths = (path.relative_to(examples.path) for path in examples.path.rglob("*"))
    return {re.sub(r"-\d{5}-of-\d{5}", "", str(path)) for path in paths}


@pytest.mark.parametrize("num_rows", [1, 50])
def test_rows_of_parquet_are_written_as_parquet(
    num_rows: int, launcher: Launcher, base: Path
) -> None:
    write_parquet(base / "1" / "a.parquet", table(0, num_rows))
    write_parquet(base / "1" / "b.parquet", table(50, num_rows))
    parameters = {
        "input_base": str(base),
        "input_config": {"splits": [{"name": "all", "pattern": "1/*"}]},
        "payload_format": "FORMAT_PARQUET",
        "output_config": divided([*TWO, {"name": "rare", "hash_buckets": 1}]),
    }
    alone = launcher.run("import_example_gen", parameters)["examples"]
    on_beam = launcher.run("import_example_gen", {**parameters, "beam_pipeline_args": IN_MEMORY})[
        "examples"
    ]

    assert on_beam.metadata == alone.metadata
    assert files(on_beam) == files(alone)
    for split in ("train", "eval", "rare"):
        one, other = (
            pq.read_table(next((path / f"Split-{split}").iterdir())).sort_by("id")
            for path in (alone.path, on_beam.path)
        )
        assert one.equals(other, check_metadata=True)


def bad(base: Path, content: str, name: str) -> None:
    (base / name).write_text(content, "utf-8")


def csv_with_another_header(base: Path) -> Mapping[str, Any]:
    bad(base, "a,b\n1,2\n", "1.csv")
    bad(base, "a,c\n1,2\n", "2.csv")
    return {}


def csv_with_a_ragged_row(base: Path) -> Mapping[str, Any]:
    bad(base, "a,b\n1,2\n", "1.csv")
    bad(base, "a,b\n1,2\n1,2,3\n", "2.csv")
    return {}


def csv_with_a_cell_of_another_type(base: Path) -> Mapping[str, Any]:
    bad(base, "a,b\n1,2\n", "1.csv")
    bad(base, "a,b\n1,2\n1,x\n", "2.csv")
    return {"column_types": {"b": "INT"}}


def csv_without_rows(base: Path) -> Mapping[str, Any]:
    bad(base, "a,b\n", "1.csv")
    return {}


def csv_by_a_fraction(base: Path) -> Mapping[str, Any]:
    bad(base, "a,b\n1,2\n", "1.csv")
    bad(base, "a,b\n1.5,2\n", "2.csv")
    return {"output_config": divided(TWO, "a")}


def csv_by_an_empty_column(base: Path) -> Mapping[str, Any]:
    bad(base, "a,b\n,2\n", "1.csv")
    return {"output_config": divided(TWO, "a")}


def parquet_with_other_columns(base: Path) -> Mapping[str, Any]:
    write_parquet(base / "1.parquet", {"a": [1]})
    write_parquet(base / "2.parquet", {"a": [{"b": 1}]})
    return {}


def parquet_with_a_struct(base: Path) -> Mapping[str, Any]:
    write_parquet(base / "1.parquet", {"a": [{"b": 1}]})
    return {}


def parquet_without_rows(base: Path) -> Mapping[str, Any]:
    write_parquet(base / "1.parquet", {"a": pa.array([], pa.int64())})
    return {}


def parquet_by_a_missing_column(base: Path) -> Mapping[str, Any]:
    write_parquet(base / "1.parquet", {"a": [1]})
    return {"output_config": divided(TWO, "gone")}


def avro_of_two_types(base: Path) -> Mapping[str, Any]:
    write_avro(base / "1.avro", "long", [None])
    write_avro(base / "2.avro", "long", [1])
    write_avro(base / "3.avro", "string", ["x"])
    return {}


def avro_that_is_none(base: Path) -> Mapping[str, Any]:
    bad(base, "a,b\n", "1.avro")
    return {}


def records_that_are_none(base: Path) -> Mapping[str, Any]:
    (base / "1.tfrecord").write_bytes(frame([b"no example"]))
    return {}


def records_that_are_cut_off(base: Path) -> Mapping[str, Any]:
    (base / "1.tfrecord").write_bytes(frame([b"\n\0", b"\n\0"])[:-3])
    return {"payload_format": "FORMAT_PROTO"}


def records_by_a_feature_of_no_file(base: Path) -> Mapping[str, Any]:
    (base / "0.tfrecord").write_bytes(b"")
    write_records(base / "1.tfrecord", {"zone": [[b"a"]]})
    return {"output_config": divided(TWO, "gone")}


def parquet_payload_with_other_columns(base: Path) -> Mapping[str, Any]:
    return {**parquet_with_other_columns(base), "payload_format": "FORMAT_PARQUET"}


def parquet_payload_without_rows(base: Path) -> Mapping[str, Any]:
    return {**parquet_without_rows(base), "payload_format": "FORMAT_PARQUET"}


@pytest.mark.parametrize(
    ("component", "prepare", "args"),
    [
        ("csv_example_gen", csv_with_another_header, IN_MEMORY),
        ("csv_example_gen", csv_with_a_ragged_row, IN_MEMORY),
        ("csv_example_gen", csv_without_rows, IN_MEMORY),
        ("csv_example_gen", csv_with_a_cell_of_another_type, IN_MEMORY),
        ("csv_example_gen", csv_by_a_fraction, IN_MEMORY),
        ("csv_example_gen", csv_by_an_empty_column, IN_MEMORY),
        ("parquet_example_gen", parquet_with_other_columns, IN_MEMORY),
        ("parquet_example_gen", parquet_with_a_struct, IN_MEMORY),
        ("parquet_example_gen", parquet_without_rows, IN_MEMORY),
        ("parquet_example_gen", parquet_by_a_missing_column, IN_MEMORY),
        ("avro_example_gen", avro_of_two_types, IN_MEMORY),
        ("avro_example_gen", avro_that_is_none, IN_MEMORY),
        ("import_example_gen", records_that_are_none, IN_MEMORY),
        ("import_example_gen", records_that_are_cut_off, IN_MEMORY),
        ("import_example_gen", records_by_a_feature_of_no_file, IN_MEMORY),
        ("import_example_gen", parquet_payload_with_other_columns, IN_MEMORY),
        ("import_example_gen", parquet_payload_without_rows, IN_MEMORY),
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(
    component: str,
    prepare: Callable[[Path], Mapping[str, Any]],
    args: Sequence[str],
    launcher: Launcher,
    base: Path,
) -> None:
    parameters = {"input_base": str(base), **prepare(base)}

    assert failure(launcher, component, parameters, args) == failure(
        launcher, component, parameters, []
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM rides WHERE id < 0", "single_split' returned no rows"),
        ("SELECT gone FROM rides", "refuses 'SELECT gone FROM rides': no such column: gone"),
        ("SELECT id AS a, zone AS a FROM rides", "has the columns ['a'] twice"),
    ],
)
def test_what_a_query_is_refused_for_is_said_in_the_same_words(
    query: str, message: str, launcher: Launcher, base: Path
) -> None:
    parameters = {"url": write_database(base / "rides.db"), "query": query}
    refused = failure(launcher, "query_example_gen", parameters, IN_MEMORY)

    assert message in refused
    assert refused == failure(launcher, "query_example_gen", parameters, [])


class Addresses(Source):
    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Any]:
        yield split, addresses


def test_files_that_workers_do_not_see_are_told_before_anything_runs() -> None:
    # Through the component, Dataflow would be asked for its buckets first.
    options = BeamOptions(["--runner=DataflowRunner"])
    running = Job(beam.Pipeline(), options, "gs://bucket/scratch")
    source = Addresses(CsvExampleGenParams(input_base="gs://bucket"))
    expected = r"workers do not see /data/2.csv, expected a URI such as gs://bucket/data"
    with pytest.raises(InputError, match=expected):
        read(running, "train", ["gs://bucket/1.csv", "/data/2.csv"], source)


def failure(
    launcher: Launcher, component: str, parameters: Mapping[str, Any], args: Sequence[str]
) -> str:
    with pytest.raises(TaskFailedError) as raised:
        launcher.run(component, {**parameters, "beam_pipeline_args": args})
    return str(raised.value)
