"""Contract of span_range: which examples of earlier runs it joins, and its output."""

import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace_components.contract import task
from headrace_components.contract.task import Artifact
from headrace_components.library.data import examples_record, joined_parts
from headrace_components.library.data.examples import (
    ExamplesReader,
    ExamplesWriter,
    examples_metadata,
)
from headrace_components.span_range.executor import execute
from support.cases import declared
from support.fakes import object_stores
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

external_state = declared.cache("span_range").external_state

LAST_TWO = {"rolling_range": {"num_spans": 2}}
INTS = pa.large_list(pa.int64())
UUID = "0f2e1c3a-90b1-4a5f-8f0e-9d6c3b2a1f00"


def write_examples(
    path: Path,
    span: int,
    splits: Mapping[str, Sequence[int]],
    *,
    version: int | None = None,
    columnar: bool = True,
    payload_format: str = "FORMAT_TF_EXAMPLE",
) -> Path:
    """Writes the results of a source of examples, two rows per shard."""
    for split, days in splits.items():
        with ExamplesWriter(path, split, columnar=columnar, rows_per_shard=2) as writer:
            for day in days:
                writer.write(pa.RecordBatch.from_pydict({"day": pa.array([[day]], INTS)}))
    metadata = examples_metadata(
        list(splits), span=span, version=version, payload_format=payload_format
    )
    examples_record.publish(Artifact(key="examples", name="", uri="", path=path), metadata)
    return path


def write_run(runs: Path, run: str, span: int, *days: int, **options: Any) -> Path:
    """Writes a run of the local backend; returns its examples."""
    (runs / run).mkdir(parents=True)
    (runs / run / "run.json").write_text("{}")
    return write_examples(runs / run / "reader/examples", span, {"train": days}, **options)


def run_locally(
    runs: Path, examples: Path, range_config: Mapping[str, Any] = LAST_TWO
) -> dict[str, Any]:
    """Runs the component as the local backend does, in the run of the examples."""
    partial = examples.parents[1] / ".span-range.1234.partial"
    partial.mkdir(parents=True, exist_ok=True)
    message = {
        "inputs": {
            "parameterValues": {"range_config": dict(range_config)},
            "artifacts": {
                "examples": {
                    "artifacts": [
                        {"uri": str(examples), "metadata": examples_record.read(examples)}
                    ]
                }
            },
        },
        "outputs": {
            "artifacts": {"span_examples": {"artifacts": [{"uri": str(partial / "out")}]}},
            "outputFile": str(partial / "output.json"),
        },
    }
    code = task.main("span_range", execute, ["--executor_input", json.dumps(message)])
    if code:
        error = json.loads((partial / "executor_error.json").read_text("utf-8"))
        raise TaskFailedError(error["message"])
    published = json.loads((partial / "output.json").read_text("utf-8"))["artifacts"]
    found: dict[str, Any] = published["span_examples"]["artifacts"][0]
    return found


def days(path: Path, split: str = "train") -> list[int]:
    batches = ExamplesReader(path, "test").record_batches(split)
    return [day for batch in batches for (day,) in batch["day"].to_pylist()]


def test_the_newest_spans_are_joined_the_earliest_first(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, 10)
    write_run(tmp_path, "b", 3, 30, 31, 32)
    own = write_run(tmp_path, "c", 2, 20, 21)

    found = run_locally(tmp_path, own)

    joined = Path(found["uri"])
    reader = ExamplesReader(joined, "test")
    assert days(joined) == [20, 21, 30, 31, 32]
    assert reader.has_columnar("train")
    assert reader.num_rows("train") == 5
    assert [file.name for file in reader.tfrecord_files("train")] == [
        "data_tfrecord-00000-of-00003.gz",
        "data_tfrecord-00001-of-00003.gz",
        "data_tfrecord-00002-of-00003.gz",
    ]
    assert sum(len(batch) for batch in reader.serialized("train")) == 5
    assert found["metadata"]["spans"] == "[2, 3]"
    assert found["metadata"]["span"] == 3
    assert found["metadata"]["split_names"] == '["train"]'
    assert examples_record.read(joined) == found["metadata"]


@pytest.mark.parametrize("columnar", [True, False])
def test_days_in_which_a_feature_has_different_types_are_refused(
    columnar: bool, tmp_path: Path
) -> None:
    earlier = write_run(tmp_path, "a", 1, 10, columnar=columnar)
    own = write_run(tmp_path, "b", 2, 20, columnar=columnar)
    shutil.rmtree(own / "Split-train")
    shutil.rmtree(own / "Columnar-train", ignore_errors=True)
    floats = pa.array([[0.5]], pa.large_list(pa.float32()))
    with ExamplesWriter(own, "train", columnar=columnar) as writer:
        writer.write(pa.RecordBatch.from_pydict({"day": floats}))

    with pytest.raises(TaskFailedError) as caught:
        run_locally(tmp_path, own)

    assert (
        f"feature 'day' of split 'train' holds whole numbers in {earlier} and decimals in {own}, "
        "expected one type in all spans. Declare it where they are made, for example by "
        "column_types={'day': 'FLOAT'} of csv_example_gen"
    ) in str(caught.value)


def test_files_are_linked_and_not_copied(tmp_path: Path) -> None:
    earlier = write_run(tmp_path, "a", 1, 10)
    own = write_run(tmp_path, "b", 2, 20)

    joined = Path(run_locally(tmp_path, own)["uri"])

    name = "Split-train/data_tfrecord-00000-of-0000{}.gz"
    assert (joined / name.format(2)).samefile(earlier / name.format(1))


def test_one_span_is_handed_on_as_it_is(tmp_path: Path) -> None:
    own = write_run(tmp_path, "a", 1, 10)

    found = run_locally(tmp_path, own)

    assert found["uri"] == str(own)
    assert found["metadata"]["spans"] == "[1]"
    assert found["metadata"]["file_format"] == "tfrecords_gzip"


def test_one_earlier_span_is_handed_on_with_its_own_metadata(tmp_path: Path) -> None:
    earlier = write_run(tmp_path, "a", 1, 10, version=4)
    own = write_run(tmp_path, "b", 2, 20)
    result = {"artifacts": {"examples": [{"metadata": examples_record.read(earlier)}]}}
    (earlier / "examples.json").unlink()
    (earlier.parent / ".headrace").mkdir()
    (earlier.parent / ".headrace/result.json").write_text(json.dumps(result))

    range_config = {"static_range": {"start_span_number": 1, "end_span_number": 1}}
    found = run_locally(tmp_path, own, range_config)

    assert found["uri"] == str(earlier)
    assert (found["metadata"]["span"], found["metadata"]["version"]) == (1, 4)


def test_a_span_that_is_missing_in_between_counts(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, 10)
    own = write_run(tmp_path, "b", 3, 30)

    assert run_locally(tmp_path, own)["metadata"]["spans"] == "[3]"


def test_of_one_span_this_runs_own_counts_then_the_version_then_the_time(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, 10, version=2)
    write_run(tmp_path, "b", 1, 11, version=1)
    for run, changed in (("d", 100.0), ("e", 200.0), ("f", 150.0)):
        path = write_run(tmp_path, run, 2, 20 + ord(run) - ord("d"))
        for file in path.rglob("*.*"):
            os.utime(file, (changed, changed))
    write_run(tmp_path, "g", 3, 30)
    own = write_run(tmp_path, "h", 3, 31)

    found = run_locally(tmp_path, own, {"rolling_range": {"num_spans": 3}})

    assert days(Path(found["uri"])) == [10, 21, 31]


@pytest.mark.parametrize(
    ("config", "spans"),
    [
        ({"staticRange": {"startSpanNumber": 2, "endSpanNumber": 3}}, "[2, 3]"),
        ({"static_range": {"start_span_number": 1, "end_span_number": 9}}, "[1, 2, 3, 4]"),
        ({"rolling_range": {"num_spans": 3, "start_span_number": 3}}, "[3, 4]"),
        ({"rolling_range": {"num_spans": 30.0}}, "[1, 2, 3, 4]"),
    ],
)
def test_ranges_are_those_of_tfx(config: dict[str, Any], spans: str, tmp_path: Path) -> None:
    for span in (1, 2, 3):
        write_run(tmp_path, f"run-{span}", span, span)
    own = write_run(tmp_path, "now", 4, 4)

    assert run_locally(tmp_path, own, config)["metadata"]["spans"] == spans


def test_without_a_twin_in_each_there_is_none(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, 10, columnar=False)
    own = write_run(tmp_path, "b", 2, 20)

    joined = Path(run_locally(tmp_path, own)["uri"])

    assert not ExamplesReader(joined, "test").has_columnar("train")
    assert days(joined) == [10, 20]


def test_what_has_no_span_and_what_other_tasks_made_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (write_run(tmp_path, "a", 1, 10) / "examples.json").unlink()
    (tmp_path / "b").mkdir()
    write_examples(tmp_path / "b/another-reader/examples", 2, {"train": [20]})
    own = write_run(tmp_path, "c", 3, 30)

    with caplog.at_level(logging.INFO):
        found = run_locally(tmp_path, own, {"rolling_range": {"num_spans": 9}})

    assert found["metadata"]["spans"] == "[3]"
    assert "passing over" in caplog.text


def test_the_local_cache_knows_which_examples_are_joined(tmp_path: Path) -> None:
    earlier = write_run(tmp_path, "a", 1, 10)
    own = write_run(tmp_path, "b", 2, 20)
    parameters = {"range_config": LAST_TWO, "search_root": ""}
    inputs = {"examples": [str(own)]}

    state = external_state(parameters, inputs)
    write_run(tmp_path, "c", 0, 0)

    assert state == f"{earlier}\n{own}"
    assert external_state(parameters, inputs) == state
    later = write_run(tmp_path, "d", 3, 30)
    assert external_state(parameters, inputs) == f"{own}\n{later}"
    assert external_state(parameters, {"examples": ["gs://bucket/examples"]}) is None
    assert external_state({"range_config": {}}, inputs) is None


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    store = launcher.root / "store/bucket/artifacts/pipeline"
    scheme = "gs" if launcher.rules == "vertex" else "minio"
    reader = "reader_-12" if launcher.rules == "vertex" else f"reader/{UUID}"
    for run, span in (("run-0", 4), ("run-1", 5)):
        write_examples(store / f"{run}/{reader}/examples", span, {"train": [span]})
        (store / f"{run}/{reader}/executor_output.json").write_text("{}")  # Vertex AI's
    own = store / f"run-1/{reader}/examples"
    uri = f"{scheme}://bucket/artifacts/pipeline/run-1/{reader}/examples"
    examples = Stored(uri=uri, path=own, metadata={"span": 5.0, "split_names": '["train"]'})

    # Only Vertex AI mounts the outputs of earlier runs; on Kubeflow the task asks the object store.
    with object_stores.s3() as server:
        object_stores.put(server, store, "artifacts/pipeline")
        outcome = launcher.run("span_range", {"range_config": LAST_TWO}, server, examples=examples)

    assert outcome["span_examples"].metadata["spans"] == "[4, 5]"
    assert days(outcome["span_examples"].path) == [4, 5]
    return outcome


def test_on_kubeflow_a_store_that_is_mounted_is_searched(tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "launcher")
    mounted = tmp_path / "mounted/pipeline"
    for run, span in (("run-0", 4), ("run-1", 5)):
        write_examples(mounted / f"{run}/reader/{UUID}/examples", span, {"train": [span]})
    own = mounted / f"run-1/reader/{UUID}/examples"
    uri = f"minio://bucket/artifacts/pipeline/run-1/reader/{UUID}/examples"
    examples = Stored(uri=uri, path=own, metadata={"span": 5.0, "split_names": '["train"]'})
    parameters = {"range_config": LAST_TWO, "search_root": str(mounted)}

    outcome = launcher.run("span_range", parameters, examples=examples)

    assert outcome["span_examples"].metadata["spans"] == "[4, 5]"
    assert days(outcome["span_examples"].path) == [4, 5]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, r"`range_config` is \{\}, expected a static_range or a rolling_range"),
        ({"rolling_range": {}}, r"`range_config.rolling_range` is \{\}, expected whole numbers: "),
        (
            {"static_range": {"start_span_number": 3, "end_span_number": 2}},
            ".*expected whole numbers: `start_span_number` .* and `end_span_number` of at least",
        ),
        (
            {"static_range": {"start_span_number": 7, "end_span_number": 8}},
            r"the range from 7 to 8 has none of the spans \[1\], which were found under",
        ),
        (
            {"rolling_range": {"start_span_number": 7, "num_spans": 1}},
            r"the range from 7 on has none of the spans \[1\]",
        ),
    ],
)
def test_a_range_without_examples_is_refused(
    config: dict[str, Any], message: str, tmp_path: Path
) -> None:
    own = write_run(tmp_path, "a", 1, 10)

    with pytest.raises(TaskFailedError, match=f"span_range: {message}"):
        run_locally(tmp_path, own, config)


def test_examples_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    own = write_run(tmp_path, "b", 2, 20)
    (tmp_path / "a").mkdir()
    earlier = write_examples(tmp_path / "a/reader/examples", 1, {"one": [1]})

    with pytest.raises(TaskFailedError, match=r"has the splits \['train'\].*\['one'\], expected"):
        run_locally(tmp_path, own)

    (earlier / "Split-one").rename(earlier / "Split-train")
    record = {**examples_record.read(earlier), "payload_format": "FORMAT_PROTO"}
    (earlier / "examples.json").write_text(json.dumps(record))
    with pytest.raises(TaskFailedError, match=r"\['FORMAT_TF_EXAMPLE', 'tfrecords_gzip'\], .*one"):
        run_locally(tmp_path, own)


def test_examples_without_a_span_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    with ExamplesWriter(tmp_path / "examples", "train") as writer:
        writer.write(pa.RecordBatch.from_pydict({"day": pa.array([[1]], INTS)}))
    examples = launcher.store(tmp_path / "examples")

    with pytest.raises(TaskFailedError, match=r"span_range: the span of `examples`, .* is unknown"):
        launcher.run("span_range", {"range_config": LAST_TWO}, examples=examples)


@pytest.mark.parametrize("columnar", [True, False])
def test_the_rows_of_each_span_can_be_read_apart(columnar: bool, tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, 10, 11, 12, columnar=columnar)
    own = write_run(tmp_path, "b", 2, 20, columnar=columnar)
    joined = Path(run_locally(tmp_path, own)["uri"])
    reader = ExamplesReader(joined, "test")

    first, second = joined_parts.parts(reader, "train")

    for part, wanted, num_files in ((first, [10, 11, 12], 2), (second, [20], 1)):
        read = [
            day for batch in part.record_batches("train") for (day,) in batch["day"].to_pylist()
        ]
        assert read == wanted
        assert part.num_rows("train") == len(wanted)
        assert len(part.tfrecord_files("train")) == num_files
        assert part.has_columnar("train") == columnar
        assert sum(len(rows) for rows in part.serialized("train")) == len(wanted)
    assert second.contents_digest("train") == ExamplesReader(own, "test").contents_digest("train")
    assert days(joined) == [10, 11, 12, 20]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"format_version": 2, "splits": {}}', '{"format_version": 1, "splits": 3}',
     '{"format_version": 1, "splits": {"train": [{"tfrecords": 1, "parquet": 9}]}}',
     '{"format_version": 1, "splits": {"train": [{"tfrecords": 1}, {"tfrecords": 2}]}}'],
)  # fmt: skip
def test_a_record_that_does_not_fit_leaves_the_rows_together(content: str, tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, 10, 11, 12)
    joined = Path(run_locally(tmp_path, write_run(tmp_path, "b", 2, 20))["uri"])
    (joined / joined_parts.FILE_NAME).write_text(content, "utf-8")
    reader = ExamplesReader(joined, "test")

    assert joined_parts.parts(reader, "train") == [reader]
