"""The contract between a component and its backend, message by message."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace_components.contract.errors import ComponentError, InputError, PlatformError, named
from headrace_components.contract.task import (
    EXIT_INPUT_ERROR,
    EXIT_PLATFORM_ERROR,
    Task,
    local_path,
    main,
)


@pytest.fixture
def message(tmp_path: Path) -> dict[str, Any]:
    artifact = {"name": "model", "uri": str(tmp_path / "out/model"), "metadata": {}}
    return {
        "inputs": {
            "parameterValues": {"steps": 3.0},
            "artifacts": {
                "examples": {
                    "artifacts": [{"name": "42", "uri": "gs://b/k", "metadata": {"a": 1}}]
                },
                "schema": {"artifacts": []},
            },
        },
        "outputs": {
            "artifacts": {
                "model": {"artifacts": [artifact]},
                "executor-logs": {"artifacts": [{"uri": "minio://b/logs"}]},
            },
            "parameters": {"auc": {"outputFile": str(tmp_path / "deep/auc")}},
            "outputFile": str(tmp_path / "not/made/output_metadata.json"),
        },
    }


def run(message: dict[str, Any], execute: Callable[[Task], None]) -> int:
    return main("trainer", execute, ["--executor_input", json.dumps(message)])


def published(message: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(Path(message["outputs"]["outputFile"]).read_text("utf-8"))
    return result


def error(message: dict[str, Any]) -> dict[str, Any]:
    file = Path(message["outputs"]["outputFile"]).with_name("executor_error.json")
    result: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return result


def set_auc(task: Task) -> None:
    task.output_parameters["auc"] = 0.75


def test_a_message_is_read(message: dict[str, Any], tmp_path: Path) -> None:
    task = Task.from_json(json.dumps(message), "trainer", mounts=tmp_path)

    assert task.params == {"steps": 3.0}
    assert task.input("examples").name == "42"
    assert task.input("examples").path == tmp_path / "gcs/b/k"
    assert task.optional_input("schema") is None
    assert task.optional_input("never declared") is None
    assert list(task.outputs) == ["model"]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("gs://bucket/a/b", "/gcs/bucket/a/b"),
        ("s3://bucket/a", "/s3/bucket/a"),
        ("minio://mlpipeline/v2/x", "/minio/mlpipeline/v2/x"),
        ("oci://registry/repo/model", "/oci/registry_repo_model/models"),
        ("file:///data/x", "/data/x"),
        ("/data/x", "/data/x"),
    ],
)
def test_a_uri_is_found_where_backends_put_it(uri: str, path: str) -> None:
    assert local_path(uri) == Path(path)


def test_a_custom_path_wins_over_the_uri(message: dict[str, Any], tmp_path: Path) -> None:
    message["outputs"]["artifacts"]["model"]["artifacts"][0]["customPath"] = str(tmp_path / "mine")

    task = Task.from_json(json.dumps(message), "trainer")

    assert task.output("model").path == tmp_path / "mine"


def test_results_are_published(message: dict[str, Any], tmp_path: Path) -> None:
    def execute(task: Task) -> None:
        assert task.output("model").path.is_dir()
        task.output("model").metadata["framework"] = "tf"
        task.output_parameters["auc"] = 0.75

    assert run(message, execute) == 0

    assert (tmp_path / "deep/auc").read_text("utf-8") == "0.75"
    (model,) = published(message)["artifacts"]["model"]["artifacts"]
    assert model == {
        "name": "model",
        "uri": str(tmp_path / "out/model"),
        "metadata": {"framework": "tf"},
    }
    assert published(message)["parameterValues"] == {"auc": 0.75}
    # protojson refuses a message with an unknown field.
    assert set(published(message)) == {"parameterValues", "artifacts"}


@pytest.mark.parametrize("kind", ["system.HTML", "system.Markdown"])
def test_a_report_is_a_file_and_its_directory_exists(message: dict[str, Any], kind: str) -> None:
    artifact = message["outputs"]["artifacts"]["model"]["artifacts"][0]
    artifact["type"] = {"schemaTitle": kind, "schemaVersion": "0.0.1"}

    def execute(task: Task) -> None:
        task.output("model").path.write_text("<p>", "utf-8")
        set_auc(task)

    assert run(message, execute) == 0

    assert Path(artifact["uri"]).read_text("utf-8") == "<p>"


CURVE = {"confidenceMetrics": [{"confidenceThreshold": 0.5, "recall": 1, "rows": [{"row": [1]}]}]}


def test_metadata_of_classification_metrics_may_nest(message: dict[str, Any]) -> None:
    artifact = message["outputs"]["artifacts"]["model"]["artifacts"][0]
    artifact["type"] = {"schemaTitle": "system.ClassificationMetrics"}

    def execute(task: Task) -> None:
        task.output("model").metadata.update(CURVE)
        set_auc(task)

    assert run(message, execute) == 0

    assert published(message)["artifacts"]["model"]["artifacts"][0]["metadata"] == CURVE


@pytest.mark.parametrize("value", [None, True, float("nan")])
def test_nested_metadata_holds_strings_and_finite_numbers(
    message: dict[str, Any], value: object
) -> None:
    artifact = message["outputs"]["artifacts"]["model"]["artifacts"][0]
    artifact["type"] = {"schemaTitle": "system.ClassificationMetrics"}

    def execute(task: Task) -> None:
        task.output("model").metadata["rows"] = [{"row": [value]}]
        set_auc(task)

    with pytest.raises(ComponentError, match="metadata 'rows' of output `model`"):
        run(message, execute)


def test_an_output_may_be_an_artifact_that_exists_already(message: dict[str, Any]) -> None:
    def execute(task: Task) -> None:
        set_auc(task)
        task.redirect("model", "gs://b/earlier/model", {"found": 1})

    assert run(message, execute) == 0

    (model,) = published(message)["artifacts"]["model"]["artifacts"]
    assert model == {"name": "model", "uri": "gs://b/earlier/model", "metadata": {"found": 1}}


@pytest.mark.parametrize("value", [True, None, [1], {"a": 1}, float("nan"), float("inf")])
def test_metadata_that_no_backend_carries_is_a_bug(message: dict[str, Any], value: Any) -> None:
    def execute(task: Task) -> None:
        set_auc(task)
        task.output("model").metadata["splits"] = value

    with pytest.raises(Exception, match=r"metadata 'splits' of output `model` is"):
        run(message, execute)


def test_an_output_parameter_that_was_not_set_is_a_bug(message: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"output parameters \['auc'\] were not set"):
        run(message, lambda _: None)


@pytest.mark.parametrize(
    ("cluster", "is_written"),
    [
        ({"task": {"type": "workerpool0", "index": 0}}, True),
        ({"task": {"type": "chief"}}, True),
        ({"task": {"type": "workerpool1", "index": 0}}, False),
        ({"task": {"type": "workerpool0", "index": 1}}, False),
    ],
)
def test_of_several_workers_the_chief_alone_publishes(
    cluster: Any, is_written: bool, message: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER_SPEC", json.dumps(cluster))

    assert run(message, set_auc) == 0

    assert Path(message["outputs"]["outputFile"]).exists() == is_written


def test_the_authors_mistake_is_one_line(
    message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def execute(task: Task) -> None:
        raise InputError("trainer: `steps` is -1.")

    assert run(message, execute) == EXIT_INPUT_ERROR

    assert error(message) == {"kind": "input", "message": "trainer: `steps` is -1."}
    assert caplog.messages == ["trainer: `steps` is -1."]
    assert caplog.records[-1].exc_info is None


def test_a_failure_of_the_platform_keeps_its_traceback_before_the_reason(
    message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def execute(task: Task) -> None:
        raise PlatformError("trainer: the bucket did not answer.")

    assert run(message, execute) == EXIT_PLATFORM_ERROR

    assert error(message)["kind"] == "platform"
    assert caplog.records[0].exc_info is not None
    assert caplog.messages[-1] == "trainer: the bucket did not answer."


def test_a_full_disk_is_the_platforms_failure(message: dict[str, Any]) -> None:
    def execute(task: Task) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/data/model")

    assert run(message, execute) == EXIT_PLATFORM_ERROR

    assert "trainer: could not write /data/model: No space left" in error(message)["message"]


def test_a_bug_passes_through(message: dict[str, Any]) -> None:
    def execute(task: Task) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(message, execute)


@pytest.mark.parametrize("name", ["missing.json", ".", "\0"])
def test_a_file_that_cannot_be_read_is_named(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / name)

    code = main("trainer", print, ["--executor_input", f"@{path}"])

    assert code == EXIT_PLATFORM_ERROR
    assert f"trainer: --executor_input names {path!r}, which cannot be read" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"outputs": {"artifacts": {"m": {}}}}'])
def test_what_is_no_message_is_refused(text: str) -> None:
    with (
        pytest.raises(PlatformError, match=r"trainer: --executor_input is not an ExecutorInput"),
        named("trainer"),
    ):
        Task.from_json(text, "trainer")


def test_an_input_that_must_be_connected_is_named(message: dict[str, Any]) -> None:
    task = Task.from_json(json.dumps(message), "trainer")

    with (
        pytest.raises(InputError, match=r"trainer: input `schema` got 0 artifacts, expected 1"),
        named("trainer"),
    ):
        task.input("schema")


def test_an_output_that_the_spec_lacks_tells_of_two_versions(message: dict[str, Any]) -> None:
    task = Task.from_json(json.dumps(message), "trainer")

    with pytest.raises(PlatformError, match=r"announced outputs \['model'\].* writes `model_run`"):
        task.output("model_run")


def test_a_log_has_its_form_whatever_a_library_has_set_up_before(message: dict[str, Any]) -> None:
    code = (
        "import logging, sys\n"
        "from headrace_components.contract import notices, task\n"
        "logging.warning('a library says')\n"
        "def execute(t):\n"
        "    notices.announce('trainer: %s', 'NOT_BLESSED')\n"
        "    raise task.InputError('trainer: no rows. Add some.')\n"
        "sys.exit(task.main('trainer', execute, sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "--executor_input", json.dumps(message)]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == EXIT_INPUT_ERROR
    assert result.stderr.splitlines() == [
        "WARNING:root:a library says",
        "NOTICE trainer: NOT_BLESSED",
        "ERROR trainer: no rows. Add some.",
    ]
