"""Contract of schema_gen: its inputs, its files, and what it refuses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.library.data import schemas, statistics
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

BYTES = pa.large_list(pa.large_binary())
METADATA = {"span": 3, "split_names": '["train", "eval"]'}


def rows(areas: Sequence[str | None]) -> pa.RecordBatch:
    """One row per area, with a fare that is always there."""
    cells = [None if area is None else [area.encode()] for area in areas]
    fares = [[float(index)] for index in range(len(areas))]
    arrays = [pa.array(cells, BYTES), pa.array(fares, pa.large_list(pa.float32()))]
    return pa.RecordBatch.from_arrays(arrays, ["area", "fare"])


TRAIN = rows(["north", "south"] * 50)
EVAL = rows(["west", None] * 50)


def store_statistics(
    launcher: Launcher,
    scratch: Path,
    splits: Mapping[str, Sequence[pa.RecordBatch]],
    metadata: Mapping[str, Any] = METADATA,
) -> Stored:
    """Puts an ExampleStatistics artifact into the store."""
    for split, batches in splits.items():
        computed = statistics.compute(batches, tfdv.StatsOptions())
        statistics.write(computed, scratch / "statistics" / f"Split-{split}")
    return launcher.store(scratch / "statistics", metadata)


def infer(launcher: Launcher, inputs: Stored, **parameters: Any) -> schema_pb2.Schema:
    outcome = launcher.run("schema_gen", parameters, statistics=inputs)
    assert [path.name for path in outcome["schema"].path.iterdir()] == ["schema.pbtxt"]
    return tfdv.load_schema_text(str(outcome["schema"].path / "schema.pbtxt"))


def test_the_schema_is_that_of_tfdv_for_all_splits(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [TRAIN], "eval": [EVAL]})
    train, evaluation = (
        statistics.read(inputs.path / f"Split-{split}") for split in ("train", "eval")
    )

    schema = infer(launcher, inputs)

    assert schema == tfdv.update_schema(tfdv.infer_schema(train), evaluation)
    assert list(tfdv.get_domain(schema, "area").value) == ["north", "south", "west"]


def column(values: Sequence[Any], kind: Any) -> pa.RecordBatch:
    """Rows of a feature `x`, and of one that is always there."""
    cells = [None if value is None else [value] for value in values]
    arrays = [pa.array(cells, kind), pa.array([[1]] * len(cells), pa.large_list(pa.int64()))]
    return pa.RecordBatch.from_arrays(arrays, ["x", "y"])


WHOLE = column([1, 2, 3] * 10, pa.large_list(pa.int64()))
DECIMAL = column([0.5, 1.5, 2.5] * 10, pa.large_list(pa.float32()))
TEXT = column([b"a", b"b", b"c"] * 10, BYTES)
EMPTY = column([None] * 30, BYTES)
UNTYPED = column([None] * 30, pa.null())


@pytest.mark.parametrize(
    ("train", "evaluation", "has", "split"),
    [
        (WHOLE, DECIMAL, "whole numbers in 'train', decimal numbers in 'eval'", "train"),
        (DECIMAL, WHOLE, "decimal numbers in 'train', whole numbers in 'eval'", "eval"),
        (TEXT, WHOLE, "text in 'train', whole numbers in 'eval'", "eval"),
        (EMPTY, WHOLE, "nothing in 'train', whole numbers in 'eval'", "eval"),
        (UNTYPED, DECIMAL, "nothing in 'train', decimal numbers in 'eval'", "eval"),
        (TEXT, EMPTY, "text in 'train', nothing in 'eval'", "train"),
        (WHOLE, UNTYPED, "whole numbers in 'train', nothing in 'eval'", "train"),
    ],
)
def test_a_feature_whose_splits_no_schema_describes_is_named_and_becomes_an_anomaly(
    train: pa.RecordBatch,
    evaluation: pa.RecordBatch,
    has: str,
    split: str,
    launcher: Launcher,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [train], "eval": [evaluation]})

    outcome = launcher.run("schema_gen", {}, statistics=inputs)

    schema = tfdv.load_schema_text(str(outcome["schema"].path / "schema.pbtxt"))
    assert tfdv.get_feature(schema, "x").lifecycle_stage == schema_pb2.DEPRECATED
    assert f"feature 'x' has {has}, which no schema describes" in caplog.text
    validated = launcher.run(
        "example_validator",
        {},
        statistics=inputs,
        schema=launcher.store(outcome["schema"].path),
    )
    assert f'"{split}": 0' in str(validated["anomalies"].metadata["blessed"])
    assert f"It has {has}, so the schema marks it DEPRECATED" in caplog.text
    report = validated["report"].path.read_text("utf-8")
    assert "The splits differ in kind" in report
    assert "so the schema marks it DEPRECATED and later components leave it out" in report


@pytest.mark.parametrize(("train", "evaluation"), [(WHOLE, WHOLE), (EMPTY, TEXT)])
def test_a_feature_that_one_schema_describes_stays_as_it_is(
    train: pa.RecordBatch,
    evaluation: pa.RecordBatch,
    launcher: Launcher,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [train], "eval": [evaluation]})

    feature = tfdv.get_feature(infer(launcher, inputs), "x")

    assert feature.lifecycle_stage == schema_pb2.UNKNOWN_STAGE
    assert not feature.HasField("annotation")
    assert "DEPRECATED" not in caplog.text


def test_the_shape_can_be_left_open(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [TRAIN], "eval": [TRAIN]})

    fixed = tfdv.get_feature(infer(launcher, inputs), "fare")
    loose = tfdv.get_feature(infer(launcher, inputs, infer_feature_shape=False), "fare")

    assert (fixed.HasField("shape"), loose.HasField("shape")) == (True, False)


def test_an_excluded_split_is_left_out(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [TRAIN], "eval": [EVAL]})

    schema = infer(launcher, inputs, exclude_splits=["eval"])

    assert list(tfdv.get_domain(schema, "area").value) == ["north", "south"]


def test_a_split_without_rows_changes_nothing(launcher: Launcher, tmp_path: Path) -> None:
    names = {"split_names": '["empty", "train"]'}
    inputs = store_statistics(launcher, tmp_path, {"empty": [], "train": [TRAIN]}, names)

    assert infer(launcher, inputs) == infer(launcher, inputs, exclude_splits=["empty"])


def test_statistics_that_were_imported_without_metadata_are_read(
    launcher: Launcher, tmp_path: Path
) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [TRAIN], "eval": [EVAL]}, {})

    assert len(infer(launcher, inputs).feature) == 2


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    inputs = store_statistics(launcher, tmp_path, {"train": [TRAIN], "eval": [EVAL]})

    outcome = launcher.run("schema_gen", statistics=inputs)

    assert len(schemas.read(outcome["schema"].path).feature) == 2
    return outcome


@pytest.mark.parametrize(
    ("exclude", "message"),
    [
        (
            ["evil"],
            r"`exclude_splits` names \['evil'\], but `statistics` has .* \['train', 'eval'\]",
        ),
        (["train", "eval"], r"`exclude_splits` leaves out all splits of `statistics`"),
    ],
)
def test_splits_to_leave_out_must_exist_and_leave_some(
    exclude: Sequence[str], message: str, launcher: Launcher, tmp_path: Path
) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [TRAIN], "eval": [EVAL]})

    with pytest.raises(TaskFailedError, match=f"schema_gen: {message}"):
        infer(launcher, inputs, exclude_splits=exclude)


def test_splits_without_any_rows_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [], "eval": []})

    with pytest.raises(TaskFailedError, match=r"the splits \['train', 'eval'\] hold no features"):
        infer(launcher, inputs)


def test_a_missing_split_is_named(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_statistics(launcher, tmp_path, {"train": [TRAIN]})

    with pytest.raises(
        TaskFailedError, match=r"Split-eval/FeatureStats.pb is missing; .* holds \['Split-train'\]"
    ):
        infer(launcher, inputs)


def test_statistics_without_splits_are_refused(launcher: Launcher, tmp_path: Path) -> None:
    statistics.write(
        statistics.compute([TRAIN], tfdv.StatsOptions()), tmp_path / "pre_transform_stats"
    )
    inputs = launcher.store(tmp_path / "pre_transform_stats")

    with pytest.raises(
        TaskFailedError, match=r"holds \['FeatureStats.pb'\] and no `Split-<name>` directory"
    ):
        infer(launcher, inputs)


@pytest.mark.parametrize("contents", [b"", b"half a file", b"\x0a\xff"])
def test_a_corrupt_file_is_named(contents: bytes, launcher: Launcher, tmp_path: Path) -> None:
    store_statistics(launcher, tmp_path, {"train": [TRAIN], "eval": [EVAL]})
    (tmp_path / "statistics" / "Split-eval" / "FeatureStats.pb").write_bytes(contents)
    inputs = launcher.store(tmp_path / "statistics", METADATA)

    message = rf"Split-eval/FeatureStats.pb \({len(contents)} bytes\) is not a DatasetFeature"
    with pytest.raises(TaskFailedError, match=message):
        infer(launcher, inputs)
