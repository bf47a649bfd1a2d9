"""The shared parts of components on Beam, on runners of this machine."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.library.beam import job
from headrace_components.library.beam.examples import (
    ReadPairs,
    ReadRecordBatches,
    ReadRecords,
    SplitRows,
    WriteShards,
    finish,
)
from headrace_components.library.beam.locations import location_of
from headrace_components.library.beam.options import BeamOptions
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import (
    BYTES_LIST,
    INT_LIST,
    ExamplesReader,
    ExamplesWriter,
)

PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
NUM_ROWS = 1_000

# Python runs this at the start of each worker process.
ALL_BUT_THE_FIRST_ARE_LATE = """
import os, pathlib, time

directory = pathlib.Path(__file__).parent
if "WORKER_ID" in os.environ:
    try:
        (directory / "first").touch(exist_ok=False)
    except FileExistsError:
        time.sleep(3)
        (directory / "late").touch()
"""


def artifact(path: Path) -> Artifact:
    path.mkdir(exist_ok=True)
    return Artifact(key="examples", name="", uri=str(path), path=path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    examples = artifact(tmp_path_factory.mktemp("source"))
    numbers = pa.array([[row] for row in range(NUM_ROWS)], INT_LIST)
    words = pa.array([None if row % 9 == 0 else [b"w%d" % (row % 5)] for row in range(NUM_ROWS)])
    batch = pa.RecordBatch.from_arrays([numbers, words.cast(BYTES_LIST)], ["number", "word"])
    with ExamplesWriter(examples.path, "train", rows_per_shard=300) as writer:
        for start in range(0, NUM_ROWS, 100):
            writer.write(batch.slice(start, 100))
    return examples


def copy(
    source: Artifact, target: Artifact, args: Sequence[str], splits: Sequence[str] = ("train",)
) -> Any:
    reader = ExamplesReader(source.path, "test")

    def build(running: job.Job) -> Any:
        where = running.location(source)
        shards = (
            running.pipeline
            | ReadRecordBatches(reader, "train", where, batch_size=100)
            | beam.Map(lambda batch: SplitRows(split="train", records=None, batch=batch))
            | WriteShards(running.scratch)
        )
        gathered = running.gather(shards)
        return lambda: finish(gathered(), splits, running.location(target))

    return job.run("test", args, target, build)


def rows(examples: Artifact) -> list[bytes]:
    reader = ExamplesReader(examples.path, "test")
    return sorted(record for some in reader.serialized("train") for record in some)


@pytest.mark.parametrize("args", [[], PROCESSES], ids=["in_memory", "multi_processing"])
def test_all_rows_arrive_with_a_twin_in_the_same_order(
    tmp_path: Path, source: Artifact, args: list[str]
) -> None:
    target = artifact(tmp_path / "target")
    assert copy(source, target, args) == {"train": NUM_ROWS}
    assert rows(target) == rows(source)
    reader = ExamplesReader(target.path, "test")
    assert reader.has_columnar("train")
    twin = [row for batch in reader.record_batches("train") for row in encode_examples(batch)]
    assert twin == [row for records in reader.serialized("train") for row in records]


def test_no_intermediate_file_is_left(tmp_path: Path, source: Artifact) -> None:
    target = artifact(tmp_path / "target")
    copy(source, target, [])
    names = {path.name for path in target.path.iterdir()}
    assert names == {"Split-train", "Columnar-train", "columnar.json"}


def test_a_split_without_rows_is_a_file_without_records(tmp_path: Path, source: Artifact) -> None:
    target = artifact(tmp_path / "target")
    assert copy(source, target, [], ["train", "eval"]) == {"train": NUM_ROWS, "eval": 0}
    reader = ExamplesReader(target.path, "test")
    assert reader.has_columnar("eval")
    assert list(reader.serialized("eval")) == []


def test_records_and_pairs_are_read_as_they_are_stored(tmp_path: Path, source: Artifact) -> None:
    reader = ExamplesReader(source.path, "test")
    where = str(source.path)

    def build(running: job.Job) -> Any:
        records = running.pipeline | "Records" >> ReadRecords(reader, "train", where)
        pairs = running.pipeline | "Pairs" >> ReadPairs(reader, "train", where)
        return running.gather(records), running.gather(pairs)

    def both(running: job.Job) -> Any:
        records, pairs = build(running)
        return lambda: (records(), pairs())

    records, pairs = job.run("test", [], artifact(tmp_path / "target"), both)
    assert sorted(record for some in records for record in some) == rows(source)
    for batch, serialized in pairs:
        assert list(encode_examples(batch)) == serialized


@pytest.mark.parametrize("args", [[], PROCESSES], ids=["in_memory", "multi_processing"])
def test_what_a_worker_reports_reaches_the_author_unchanged(
    tmp_path: Path, args: list[str]
) -> None:
    message = 'test: it\'s "x\\ny" at /a/b.csv, line 3, expected y. Write z.'

    def fail(_: int) -> None:
        raise InputError(message)

    def build(running: job.Job) -> Any:
        _ = running.pipeline | beam.Create([1]) | "[Fail]" >> beam.Map(fail)
        return None

    with pytest.raises(InputError) as raised:
        job.run("test", args, artifact(tmp_path / "target"), build)
    assert str(raised.value) == message
    assert not list((tmp_path / "target").iterdir())


def test_a_worker_that_starts_after_another_failed_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(ALL_BUT_THE_FIRST_ARE_LATE, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    def fail(_: int) -> None:
        raise InputError("test: x")

    def build(running: job.Job) -> Any:
        _ = running.pipeline | beam.Create([1]) | beam.Map(fail)
        return None

    with pytest.raises(InputError, match="test: x"):
        job.run("test", PROCESSES, artifact(tmp_path / "target"), build)
    assert (tmp_path / "late").exists()


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (
            ["--runer=DirectRunner"],
            "has '--runer=DirectRunner', which is not an option of Beam. Did ",
        ),
        (["--direct_num_workers=two"], "argument --direct_num_workers: invalid int value: 'two'"),
        (["--runner=Datenflow"], "sets the runner 'Datenflow', which Beam does not have here."),
    ],
)
def test_wrong_options_are_told_before_anything_runs(
    tmp_path: Path, args: list[str], expected: str
) -> None:
    with pytest.raises(InputError) as raised:
        job.run("test", args, artifact(tmp_path / "target"), lambda _: lambda: None)
    assert expected in str(raised.value)


def test_remote_workers_are_given_uris(tmp_path: Path) -> None:
    mounted = Artifact(key="examples", name="", uri="gs://bucket/key", path=tmp_path)
    for args, expected in (
        ([], str(tmp_path)),
        (["--runner=Dataflow"], "gs://bucket/key"),
    ):
        options = BeamOptions(args)
        assert location_of(mounted, options) == expected


@pytest.mark.parametrize(
    ("uri", "runner", "expected"),
    [
        ("", "Dataflow", r"sets DataflowRunner, whose workers do not see .*, expected a URI"),
        (
            "minio://b/k",
            "Flink",
            r"workers cannot read minio://b/k \(.*\), expected a path, or a URI",
        ),
    ],
)
def test_what_a_remote_runner_cannot_do_is_told_before_anything_runs(
    uri: str, runner: str, expected: str, tmp_path: Path
) -> None:
    target = Artifact(key="examples", name="", uri=uri or str(tmp_path), path=tmp_path)
    with pytest.raises(InputError, match=expected):
        job.run("test", [f"--runner={runner}"], target, lambda _: lambda: None)
