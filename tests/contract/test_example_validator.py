"""Contract of example_validator: its inputs, its files, and what it refuses."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from headrace_components.contract import reasons
from headrace_components.contract.task import Artifact, Task
from headrace_components.example_validator.executor import execute
from headrace_components.library.data import schemas, statistics
from support.fakes import object_stores
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored, TaskFailedError

METADATA = {"span": 3, "split_names": '["train", "eval"]'}


def rows(columns: Mapping[str, Sequence[str]]) -> pa.RecordBatch:
    kind = pa.large_list(pa.large_binary())
    arrays = [pa.array([[cell.encode()] for cell in cells], kind) for cells in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


TRAIN = rows({"area": ["north", "south"] * 50, "payment": ["cash", "card"] * 50})
EVAL = rows({"area": ["north", "mars"] * 50, "payment": ["cash", "card"] * 50})


def store_inputs(
    launcher: Launcher, scratch: Path, splits: Mapping[str, pa.RecordBatch]
) -> dict[str, Stored]:
    """Puts statistics of the splits, and the schema of the first of them, into the store."""
    computed = {
        name: statistics.compute([batch], tfdv.StatsOptions()) for name, batch in splits.items()
    }
    for name, result in computed.items():
        statistics.write(result, scratch / "statistics" / f"Split-{name}")
    schemas.write(tfdv.infer_schema(next(iter(computed.values()))), scratch / "schema")
    return {
        "statistics": launcher.store(scratch / "statistics", METADATA),
        "schema": launcher.store(scratch / "schema"),
    }


def validate(
    launcher: Launcher,
    inputs: Mapping[str, Stored],
    variables: Mapping[str, str] | None = None,
    **parameters: Any,
) -> Outcome:
    return launcher.run(
        "example_validator",
        parameters,
        variables,
        statistics=inputs["statistics"],
        schema=inputs["schema"],
    )


def read_anomalies(anomalies: Path, split: str) -> anomalies_pb2.Anomalies:
    contents = (anomalies / f"Split-{split}" / "SchemaDiff.pb").read_bytes()
    return anomalies_pb2.Anomalies.FromString(contents)


def test_anomalies_are_those_of_tfdv_and_each_split_is_blessed_or_not(
    launcher: Launcher, tmp_path: Path
) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    anomalies = validate(launcher, inputs)["anomalies"]

    expected = tfdv.validate_statistics(
        statistics.read(inputs["statistics"].path / "Split-eval"),
        schemas.read(inputs["schema"].path),
    )
    assert read_anomalies(anomalies.path, "eval") == expected
    assert list(expected.anomaly_info) == ["area"]
    assert not read_anomalies(anomalies.path, "train").anomaly_info
    assert json.loads(anomalies.metadata["blessed"]) == {"train": 1, "eval": 0}
    assert reasons.from_metadata(anomalies.metadata) == ("eval, area: Unexpected string values",)
    assert json.loads(anomalies.metadata["split_names"]) == ["train", "eval"]
    assert anomalies.metadata["span"] == 3


def test_anomalies_are_logged_as_a_table(
    launcher: Launcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    with caplog.at_level(logging.WARNING):
        validate(launcher, inputs)

    assert "\neval   area     Unexpected string values" in caplog.text
    assert "mars" in caplog.text


def test_clean_data_passes_with_fail_on_anomalies(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": TRAIN})

    outcome = validate(launcher, inputs, fail_on_anomalies=True)

    assert json.loads(outcome["anomalies"].metadata["blessed"]) == {"train": 1, "eval": 1}


def test_an_anomaly_fails_the_task_where_that_is_wanted(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    message = r"contradicts the schema in 1 feature: split 'eval', area: Unexpected string values"
    with pytest.raises(TaskFailedError, match=message):
        validate(launcher, inputs, fail_on_anomalies=True)


def test_what_was_found_is_on_disk_when_the_task_fails(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})
    output = _artifact("anomalies", tmp_path / "anomalies", {})
    report = _artifact("report", tmp_path / "report", {})
    task = Task(
        component="example_validator",
        params={"fail_on_anomalies": True},
        inputs={key: (_artifact(key, item.path, item.metadata),) for key, item in inputs.items()},
        outputs={"anomalies": output, "report": report},
        output_file=tmp_path / "output.json",
    )

    with pytest.raises(Exception, match="contradicts the schema"):
        execute(task)

    assert list(read_anomalies(output.path, "eval").anomaly_info) == ["area"]
    assert json.loads(output.metadata["blessed"]) == {"train": 1, "eval": 0}
    assert "mars" in report.path.read_text("utf-8")


def test_what_a_failed_task_found_is_in_the_store_that_its_launcher_does_not_fill(
    launcher: Launcher, tmp_path: Path
) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    with object_stores.s3() as environment:
        with pytest.raises(
            TaskFailedError, match="What it found is kept: `anomalies` at "
        ) as error:
            validate(launcher, inputs, environment, fail_on_anomalies=True)
        store = object_stores.store(environment)
        uris = re.findall(r"minio://(\S+?)[,.](?:\s|$)", str(error.value))
        (anomalies, report) = uris
        with store.open_input_stream(f"{anomalies}/Split-eval/SchemaDiff.pb") as stream:
            diff = anomalies_pb2.Anomalies.FromString(stream.read())
        with store.open_input_stream(report) as stream:
            page = stream.read().decode()

    assert list(diff.anomaly_info) == ["area"]
    assert "mars" in page
    # The launcher would have copied them here.
    assert re.fullmatch(r"bucket/artifacts/pipeline/run-1/example_validator/\S+/report", report)


def test_what_a_failed_task_found_is_where_vertex_mounts_the_store(tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "launcher", rules="vertex")
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    with pytest.raises(TaskFailedError, match="What it found is kept: `anomalies` at ") as error:
        validate(launcher, inputs, fail_on_anomalies=True)

    anomalies, _ = re.findall(r"gs://(\S+?)[,.](?:\s|$)", str(error.value))
    place = tmp_path / "launcher/store" / anomalies
    assert list(read_anomalies(place, "eval").anomaly_info) == ["area"]


def test_a_store_that_cannot_be_written_does_not_hide_the_reason(
    launcher: Launcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }

    with pytest.raises(TaskFailedError, match="contradicts the schema in 1 feature") as error:
        validate(launcher, inputs, nowhere, fail_on_anomalies=True)

    assert "is kept" not in str(error.value)
    assert "what it found could not be kept" in caplog.text


def _artifact(key: str, path: Path, metadata: Mapping[str, Any]) -> Artifact:
    return Artifact(key=key, name="", uri=str(path), path=path, metadata=dict(metadata))


def test_a_failure_names_the_first_ten_and_counts_the_rest(
    launcher: Launcher, tmp_path: Path
) -> None:
    columns = [f"feature_{index:02}" for index in range(13)]
    train = rows({name: ["a", "b"] * 20 for name in columns})
    evaluation = rows({name: ["c", "d"] * 20 for name in columns})
    inputs = store_inputs(launcher, tmp_path, {"train": train, "eval": evaluation})

    with pytest.raises(TaskFailedError) as raised:
        validate(launcher, inputs, fail_on_anomalies=True)

    message = str(raised.value)
    assert "in 13 features: " in message
    assert "feature_09: " in message
    assert "feature_10: " not in message
    assert "; and 3 more." in message


def test_an_anomaly_of_the_whole_data_set_is_reported(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": TRAIN})
    schema = schemas.read(tmp_path / "schema")
    schema.dataset_constraints.min_examples_count = 1_000
    schemas.write(schema, tmp_path / "schema")
    inputs["schema"] = launcher.store(tmp_path / "schema")

    with pytest.raises(TaskFailedError, match=r"split 'train', \(data set\): "):
        validate(launcher, inputs, fail_on_anomalies=True)


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    outcome = validate(launcher, inputs)

    assert json.loads(outcome["anomalies"].metadata["blessed"]) == {"train": 1, "eval": 0}
    assert (outcome["anomalies"].path / "Split-eval" / "SchemaDiff.pb").is_file()
    return outcome


def test_an_excluded_split_is_left_out(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    outcome = validate(launcher, inputs, exclude_splits=["eval"])

    assert json.loads(outcome["anomalies"].metadata["blessed"]) == {"train": 1}
    assert json.loads(outcome["anomalies"].metadata["split_names"]) == ["train"]


@pytest.mark.parametrize(
    ("exclude", "message"),
    [
        (["evil"], r"`exclude_splits` names \['evil'\], but `statistics` has the splits"),
        (["train", "eval"], r"`exclude_splits` leaves out all splits of `statistics`"),
    ],
)
def test_splits_to_leave_out_must_exist_and_leave_some(
    exclude: Sequence[str], message: str, launcher: Launcher, tmp_path: Path
) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    with pytest.raises(TaskFailedError, match=f"example_validator: {message}"):
        validate(launcher, inputs, exclude_splits=exclude)


def test_a_missing_schema_is_named(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})
    (tmp_path / "schema" / "schema.pbtxt").rename(tmp_path / "schema" / "schema.txt")
    inputs["schema"] = launcher.store(tmp_path / "schema")

    with pytest.raises(TaskFailedError, match=r"holds \['schema.txt'\] and no schema.pbtxt"):
        validate(launcher, inputs)


def test_a_file_that_is_no_schema_is_named(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})
    (tmp_path / "schema" / "schema.pbtxt").write_text("area is a string", "utf-8")
    inputs["schema"] = launcher.store(tmp_path / "schema")

    with pytest.raises(TaskFailedError, match=r"schema.pbtxt is not a schema: 1:\d+ "):
        validate(launcher, inputs)


def test_a_corrupt_file_of_statistics_is_named(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})
    (tmp_path / "statistics" / "Split-eval" / "FeatureStats.pb").write_bytes(b"\x0a\xff")
    inputs["statistics"] = launcher.store(tmp_path / "statistics", METADATA)

    with pytest.raises(TaskFailedError, match=r"Split-eval/FeatureStats.pb \(2 bytes\) is not a"):
        validate(launcher, inputs)


def test_a_schema_without_features_calls_all_features_new(
    launcher: Launcher, tmp_path: Path
) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": TRAIN})
    schemas.write(schema_pb2.Schema(), tmp_path / "schema")
    inputs["schema"] = launcher.store(tmp_path / "schema")

    outcome = validate(launcher, inputs)

    assert json.loads(outcome["anomalies"].metadata["blessed"]) == {"train": 0, "eval": 0}


def test_a_feature_outside_the_environment_is_not_expected(
    launcher: Launcher, tmp_path: Path
) -> None:
    serving = rows({"area": ["north", "south"] * 50})
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": serving})
    schema = schemas.read(tmp_path / "schema")
    schema.default_environment.extend(["TRAINING", "SERVING"])
    tfdv.get_feature(schema, "payment").not_in_environment.append("SERVING")
    schemas.write(schema, tmp_path / "schema")
    inputs["schema"] = launcher.store(tmp_path / "schema")

    training = validate(launcher, inputs, environment="TRAINING")["anomalies"]
    served = validate(launcher, inputs, environment="SERVING")["anomalies"]

    assert json.loads(training.metadata["blessed"]) == {"train": 1, "eval": 0}
    assert list(read_anomalies(training.path, "eval").anomaly_info) == ["payment"]
    assert json.loads(served.metadata["blessed"])["eval"] == 1


def test_an_environment_that_the_schema_does_not_know_is_refused(
    launcher: Launcher, tmp_path: Path
) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": TRAIN})
    schema = schemas.read(tmp_path / "schema")
    schema.default_environment.append("TRAINING")
    schemas.write(schema, tmp_path / "schema")
    inputs["schema"] = launcher.store(tmp_path / "schema")

    message = r"`environment` is 'SERVNG', but the schema's `default_environment`s are \['TRAIN"
    with pytest.raises(TaskFailedError, match=f"example_validator: {message}"):
        validate(launcher, inputs, environment="SERVNG")


@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next", "vertex"])
def test_the_report_tells_what_is_wrong_and_what_to_do(rules: Rules, tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "launcher", rules=rules)
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": EVAL})

    report = validate(launcher, inputs)["report"]

    assert report.path.is_file()
    text = report.path.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "<strong>1 anomaly</strong>" in text
    assert "<h2>Split eval</h2>" in text
    assert "<h2>Split train</h2>" not in text
    assert '<h3>area</h3><span class="badge bad">error</span>' in text
    assert "mars" in text
    assert "add them to the feature's domain in the schema" in text


def test_the_report_on_clean_data_says_so(launcher: Launcher, tmp_path: Path) -> None:
    inputs = store_inputs(launcher, tmp_path, {"train": TRAIN, "eval": TRAIN})

    text = validate(launcher, inputs)["report"].path.read_text("utf-8")

    assert "<strong>No anomalies</strong><p>The data agrees with the schema.</p>" in text
    assert text.count(">agrees</span>") == 2
