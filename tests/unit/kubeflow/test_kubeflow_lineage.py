"""Lineage of clusters: from ML Metadata over gRPC, and from the newer REST API."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2

from headrace.cli.main import main
from headrace.compilation.compiler import compile_for
from headrace.contract.service import Order
from headrace.frontend import loading
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow import pipelines_api
from headrace.targets.kubeflow.lineage import mlmd_client
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.kubeflow.submit import connect
from support.cases.kubeflow_pipelines import flights
from support.fakes.kubeflow_api import KubeflowApi, kubeflow_api
from support.fakes.kubeflow_metadata import Recorder, metadata_server
from support.fakes.kubeflow_native import NativeLineage
from support.fakes.port_forwarding import forwarding

Call = Callable[..., Any]
ROOT = "minio://mlpipeline/v2/artifacts/flights"


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADRACE_KFP_TOKEN", "KF_PIPELINES_ENDPOINT", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pipelines_api, "PAUSES_SECONDS", (0.01,))
    monkeypatch.setattr(mlmd_client, "_PAUSES_SECONDS", (0.01,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    with metadata_server(tmp_path / "metadata.sqlite") as served:
        yield served


@pytest.fixture
def ask(store: Any, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls `headrace lineage` for only the store; returns code, output and errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        options = ["--target", "kubeflow", "--metadata", f"grpc://{store[0]}"]
        code = main(["lineage", *options, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def record_two_runs(store: Any, first: str = "run-1", second: str = "run-2") -> None:
    """Records a run with a loop and a false condition, and a run that fails."""
    run = Recorder(store[1], "flights", first)
    rows = run.artifact(f"{ROOT}/{first}/make/1/rows", "tfx.Examples", span=3, extra={"a": [1]})
    model = run.artifact(f"{ROOT}/{first}/train/2/model", "system.Model")
    given = {"count": 2.0, "names": ["a", "b"], "rate": 0.5}
    run.task("make", parameters=given, outputs={"rows": rows})
    run.task("train", inputs={"rows": [rows]}, outputs={"model": model})
    loop = run.task("for-loop-2", kind="system.DAGExecution", inputs={"rows": [rows]})
    for index in range(2):
        turn = run.task("for-loop-2", kind="system.DAGExecution", parent=loop, iteration=index)
        run.task("train-2", parent=turn, iteration=index, inputs={"rows": [rows]})
    run.task("condition-3", "CANCELED", kind="system.DAGExecution")
    run.task("train-4", "CANCELED")
    run = Recorder(store[1], "flights", second)
    # A result from the cache refers to the existing artifacts.
    base = run.artifact(f"{ROOT}/{second}/base", "system.Model")
    run.task("make", "CACHED", outputs={"rows": rows})
    run.task("train", "FAILED", inputs={"rows": [rows], "bases": [model, base]})


def test_the_fields_are_those_of_ml_metadata() -> None:
    modules = (metadata_store_pb2.DESCRIPTOR, metadata_store_service_pb2.DESCRIPTOR)
    protos = {name: each for file in modules for name, each in file.message_types_by_name.items()}
    protos["Path"] = protos["Event"].nested_types_by_name["Path"]
    protos["Step"] = protos["Path"].nested_types_by_name["Step"]
    for name, fields in mlmd_client.FIELDS.items():
        for field_name, (number, kind) in fields.items():
            field = protos[name].fields_by_name[field_name]
            assert field.number == number, f"{name}.{field_name}"
            is_repeated = field.label == field.LABEL_REPEATED
            assert is_repeated == kind.startswith(("*", "{}")), f"{name}.{field_name}"
            if field.message_type is None and field.enum_type is None:
                expected = getattr(field, f"TYPE_{kind.removeprefix('*').upper()}")
                assert field.type == expected, f"{name}.{field_name}"


def test_runs_of_a_store_are_listed_newest_first(store: Any, ask: Call) -> None:
    record_two_runs(store)

    code, out, _ = ask("runs", "--json")

    assert code == 0
    newest, oldest = json.loads(out)
    assert (newest["run_id"], newest["pipeline"], newest["state"]) == ("run-2", "flights", "failed")
    assert newest["tasks"] == {"cached": 1, "failed": 1}
    assert oldest["tasks"] == {"canceled": 1, "done": 4}
    assert [run["run_id"] for run in json.loads(ask("runs", "--limit", "1", "--json")[1])] == [
        "run-2"
    ]


def test_a_run_shows_the_path_of_each_task_and_what_it_read_and_wrote(
    store: Any, ask: Call
) -> None:
    record_two_runs(store)

    found = json.loads(ask("run", "run-1", "--json")[1])

    by_task = {each["task"]: each for each in found["executions"]}
    assert list(by_task) == [
        "make",
        "train",
        "for-loop-2/0/train-2",
        "for-loop-2/1/train-2",
        "train-4",
    ]
    assert by_task["make"]["parameters"] == {"count": 2, "names": '["a", "b"]', "rate": 0.5}
    (rows,) = by_task["for-loop-2/1/train-2"]["inputs"]["rows"]
    assert (rows["type"], rows["uri"]) == ("Examples", f"{ROOT}/run-1/make/1/rows")
    assert by_task["train"]["outputs"]["model"][0]["type"] == "Model"
    assert by_task["train-4"]["state"] == "canceled"
    text = ask("run", "run-2")[1]
    assert f"out  rows  {ROOT}/run-1/make/1/rows Examples" in text
    assert text.count("in   bases") == 2


def test_an_artifact_tells_who_made_who_used_and_who_reused_it(store: Any, ask: Call) -> None:
    record_two_runs(store)

    found = json.loads(ask("artifact", f"{ROOT}/run-1/make/1/rows/", "--json")[1])

    assert found["metadata"]["span"] == 3
    assert found["metadata"]["extra"] == {"a": [1]}
    assert (found["producer"]["task"], found["producer"]["run_id"]) == ("make", "run-1")
    assert [(each["task"], each["run_id"]) for each in found["consumers"]] == [
        ("train", "run-1"),
        ("for-loop-2/0/train-2", "run-1"),
        ("for-loop-2/1/train-2", "run-1"),
        ("train", "run-2"),
    ]
    assert [(each["task"], each["run_id"]) for each in found["reused_by"]] == [("make", "run-2")]
    model = json.loads(ask("artifact", f"{ROOT}/run-1/train/2/model", "--json")[1])
    assert [each["task"] for each in model["ancestors"]] == ["make", "train"]
    assert "train of run run-1" in ask("artifact", str(model["id"]))[1]


def test_an_importer_that_names_what_a_run_made_takes_nothing_from_its_maker(
    store: Any, ask: Call
) -> None:
    record_two_runs(store)
    uri = f"{ROOT}/run-1/train/2/model"
    run = Recorder(store[1], "other", "run-3")
    # Its importer records the URI again.
    imported = run.artifact(uri, "system.Model", owner="x")
    run.task("importer", kind="system.ImporterExecution", outputs={"artifact": imported})
    verdict = run.artifact(f"{ROOT}/run-3/evaluate/1/blessing", "tfx.ModelBlessing")
    run.task("evaluate", inputs={"model": [imported]}, outputs={"blessing": verdict})

    found = json.loads(ask("artifact", uri, "--json")[1])

    assert (found["producer"]["task"], found["producer"]["run_id"]) == ("train", "run-1")
    users = [(each["task"], each["run_id"]) for each in found["consumers"]]
    assert users == [("train", "run-2"), ("evaluate", "run-3")]
    assert [each["task"] for each in found["reused_by"]] == ["importer"]
    blessing = json.loads(ask("artifact", f"{ROOT}/run-3/evaluate/1/blessing", "--json")[1])
    assert [each["task"] for each in blessing["ancestors"]] == ["make", "train", "evaluate"]
    tree = ask("artifact", f"{ROOT}/run-3/evaluate/1/blessing")[1]
    assert tree.count("train of run run-1") == tree.count("make of run run-1") == 1


def test_a_run_without_tasks_has_the_time_at_which_it_began(store: Any, ask: Call) -> None:
    Recorder(store[1], "flights", "run-0")

    (run,) = json.loads(ask("runs", "--json")[1])

    assert (run["run_id"], run["state"], run["seconds"], run["tasks"]) == (
        "run-0", "unknown", None, {},
    )  # fmt: skip
    assert abs(datetime.fromisoformat(run["started"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert "unknown" in ask("run", "run-0")[1]


def test_whole_numbers_come_back_whole(store: Any, ask: Call) -> None:
    run = Recorder(store[1], "flights", "run-1")
    rows = run.artifact(f"{ROOT}/rows", "tfx.Examples", span=3.0, rate=0.5)
    run.task("make", outputs={"rows": rows})

    text = ask("artifact", f"{ROOT}/rows")[1]

    assert "span = 3\n" in text
    assert "rate = 0.5\n" in text


def test_a_run_shows_its_verdicts(store: Any, ask: Call) -> None:
    run = Recorder(store[1], "flights", "run-1")
    split_by_split = json.dumps({"eval": 0, "train": 1})
    verdicts: list[tuple[str, str, dict[str, Any], str]] = [
        ("blessing", "ModelBlessing", {"blessed": 0.0}, "not blessed"),
        ("infra_blessing", "InfraBlessing", {"blessed": 1.0}, "blessed"),
        ("pushed_model", "PushedModel", {"pushed": 0.0}, "not pushed"),
        ("anomalies", "ExampleAnomalies", {"blessed": split_by_split}, "anomalies in eval"),
        ("results", "InferenceResult", {"num_predictions": 0.0}, "nothing is predicted"),
    ]
    for port, kind, metadata, _ in verdicts:
        artifact = run.artifact(f"{ROOT}/{port}", f"tfx.{kind}", **metadata)
        run.task(port, outputs={port: artifact})

    lines = ask("run", "run-1")[1].splitlines()

    for port, kind, _, verdict in verdicts:
        assert f"  out  {port}  {ROOT}/{port} {kind}  {verdict}" in lines


def test_options_may_follow_the_name_of_the_command(
    store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    record_two_runs(store)

    options = ["--target", "kubeflow", "--metadata", f"grpc://{store[0]}"]

    assert main(["lineage", "run", "run-1", *options]) == 0
    assert "make" in capsys.readouterr().out


def test_what_a_store_does_not_have_and_a_store_that_is_not_there_are_said(
    store: Any, ask: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    record_two_runs(store)

    assert "there is no run 'run-3' in the metadata store" in ask("run", "run-3")[2]
    assert "there is no artifact 's3://a'" in ask("artifact", "s3://a")[2]
    store[2].append(grpc.StatusCode.UNAVAILABLE)
    assert ask("runs")[0] == 0  # it was asked again
    store[2].extend([grpc.StatusCode.UNAVAILABLE] * 2)
    code, _, err = ask("runs")
    assert code == 75
    assert "answered UNAVAILABLE to GetContextsByType: refused for the test. See that" in err
    assert main(["lineage", "--target", "kubeflow", "--metadata", "http://a", "runs"]) == 2
    assert "expected the store of a cluster as grpc://" in capsys.readouterr().err


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeflowApi]:
    with kubeflow_api() as served:
        config = tmp_path / "headrace.toml"
        config.write_text(f'[kubeflow]\nhost = "{served.address}"\n')
        monkeypatch.chdir(tmp_path)
        yield served


@pytest.fixture
def run_ids(api: KubeflowApi) -> list[str]:
    """Two runs that have ended, by the API server."""
    profile = Profile(targets=(Kubeflow(host=api.address),))
    remote = connect(profile)
    api.failing = {"train"}
    compiled = compile_for(loading.load(flights), "kubeflow", Profile())
    ids = [remote.submit(Order(compiled=compiled, parameters={"steps": 7})).id for _ in range(2)]
    for run_id in ids:
        while not remote.describe(run_id).is_over:
            pass
    return ids


def test_the_api_server_tells_how_a_run_of_the_store_ended(
    store: Any,
    run_ids: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    record_two_runs(store, *run_ids)

    services = {"metadata-grpc-service": int(store[0].rpartition(":")[2])}
    with forwarding(tmp_path, services) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        assert main(["lineage", "--target", "kubeflow", "runs", "--json"]) == 0
    newest, oldest = json.loads(capsys.readouterr().out)
    assert [newest["run_id"], oldest["run_id"]] == run_ids[::-1]
    assert (oldest["state"], oldest["pipeline"]) == ("failed", "flights")
    assert oldest["tasks"] == {"canceled": 1, "done": 4}
    assert oldest["parameters"] == {"steps": 7}
    assert oldest["seconds"] is not None


def test_a_service_that_leads_out_of_the_cluster_is_said(
    store: Any,
    run_ids: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    with forwarding(tmp_path, {"metadata-grpc-service": 1}) as cluster:
        cluster.is_outside = True
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        assert main(["lineage", "--target", "kubeflow", "runs"]) == 2

    err = capsys.readouterr().err
    assert (
        "service 'metadata-grpc-service' in namespace 'kubeflow' selects no pods: it leads" in err
    )
    assert "get endpoints metadata-grpc-service`, and give `--metadata grpc://HOST:PORT`" in err


def record_natively(api: KubeflowApi, first: str, second: str) -> None:
    """Records the same two runs on a backend without ML Metadata."""
    api.native = native = NativeLineage()
    root = native.task(first, "root", kind="ROOT")
    rows = native.artifact(f"{ROOT}/{first}/make/1/rows", "tfx.Examples", span=3.0)
    model = native.artifact(f"{ROOT}/{first}/train/2/model", "system.Model")
    given = {"count": 2.0, "names": ["a", "b"], "rate": 0.5}
    native.task(first, "make", parent=root, parameters=given, outputs={"rows": rows})
    native.task(first, "train", parent=root, inputs={"rows": [rows]}, outputs={"model": model})
    loop = native.task(first, "for-loop-2", kind="LOOP", parent=root)
    for index in range(2):
        inputs = {"rows": [rows]}
        native.task(first, "train-2", parent=loop, iteration=index, inputs=inputs)
    native.task(first, "condition-3", "SKIPPED", kind="CONDITION_BRANCH", parent=root)
    root = native.task(second, "root", kind="ROOT")
    native.task(second, "make", "CACHED", parent=root, outputs={"rows": rows})
    native.task(
        second,
        "train",
        "FAILED",
        parent=root,
        inputs={"rows": [rows], "bases": [model]},
        message="trainer: run_fn raised [KeyError].",
    )


def test_a_host_in_the_profile_does_not_lead_to_the_store(
    api: KubeflowApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    assert main(["lineage", "--target", "kubeflow", "runs"]) == 75

    err = capsys.readouterr().err
    assert "lineage is in the service 'metadata-grpc-service' of its cluster, and there is" in err
    assert "Give `--metadata grpc://HOST:PORT`" in err


def test_a_backend_without_ml_metadata_is_found_out_and_tells_the_same(
    api: KubeflowApi, run_ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    record_natively(api, *run_ids)

    def ask(*arguments: str) -> Any:
        assert main(["lineage", "--target", "kubeflow", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    newest, oldest = ask("runs")
    assert newest["tasks"] == {"cached": 1, "failed": 1}
    assert oldest["tasks"] == {"done": 4}
    by_task = {each["task"]: each for each in ask("run", run_ids[0])["executions"]}
    assert list(by_task) == ["make", "train", "for-loop-2/0/train-2", "for-loop-2/1/train-2"]
    assert by_task["make"]["parameters"] == {"count": 2, "names": '["a", "b"]', "rate": 0.5}
    assert by_task["make"]["outputs"]["rows"][0]["type"] == "Examples"
    (_, failed) = ask("run", run_ids[1])["executions"]
    assert failed["reason"] == "trainer: run_fn raised [KeyError]."
    found = ask("artifact", f"{ROOT}/{run_ids[0]}/make/1/rows")
    assert found["metadata"] == {"span": 3}
    assert found["producer"]["run_id"] == run_ids[0]
    assert len(found["consumers"]) == 4
    assert [each["run_id"] for each in found["reused_by"]] == [run_ids[1]]
    model = ask("artifact", by_task["train"]["outputs"]["model"][0]["id"])
    assert [each["task"] for each in model["ancestors"]] == ["make", "train"]


def test_a_run_that_the_api_server_does_not_know_is_said(
    api: KubeflowApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.native = NativeLineage()

    assert main(["lineage", "--target", "kubeflow", "run", "run-3"]) == 2

    assert "Run run-3 not found. `headrace runs list --target kubeflow`" in capsys.readouterr().err


def test_a_run_is_watched_on_a_backend_without_ml_metadata(
    api: KubeflowApi, run_ids: list[str]
) -> None:
    record_natively(api, *run_ids)
    remote = connect(Profile(targets=(Kubeflow(host=api.address),)))

    run = remote.describe(run_ids[1])

    assert [(task.name, task.state, task.message) for task in run.tasks] == [
        ("make", "cached", ""),
        ("train", "failed", "trainer: run_fn raised [KeyError]."),
        ("condition-3/train-3", "skipped", ""),
    ]


def test_metrics_and_verdicts_are_known_on_a_backend_without_ml_metadata(
    api: KubeflowApi, run_ids: list[str]
) -> None:
    api.native = native = NativeLineage()
    root = native.task(run_ids[0], "root", kind="ROOT")
    outputs = {
        "evaluation": native.artifact("s3://b/e", "tfx.ModelEvaluation"),
        "metrics": native.metric("auc", 0.75),
        "blessing": native.artifact("s3://b/m", "tfx.ModelBlessing", blessed=0.0),
    }
    native.task(run_ids[0], "evaluator", parent=root, outputs=outputs)
    remote = connect(Profile(targets=(Kubeflow(host=api.address),)))

    run = remote.describe(run_ids[0])

    assert [(each.task, each.name, each.value) for each in run.summary.metrics] == [
        ("evaluator", "auc", 0.75)
    ]
    assert [each.text for each in run.summary.verdicts] == ["not blessed"]
    (task, *_) = run.tasks
    assert task.outputs["blessing"][0].uri == "s3://b/m"
