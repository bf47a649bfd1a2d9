"""Contract of vertex_pusher, with the real client and a server with the API's protos."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from headrace_components.vertex_pusher import api as client
from headrace_components.vertex_pusher.deployment import shared_out
from support.fakes.vertex_api import VertexApi, vertex_api
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

MODEL = "projects/my-project/locations/europe-west1/models/flights"
ENDPOINT = "projects/my-project/locations/europe-west1/endpoints/flights-live"
FILES = {"saved_model.pb": "graph", "variables/variables.index": "i"}


@pytest.fixture
def vertex(monkeypatch: pytest.MonkeyPatch) -> Iterator[VertexApi]:
    monkeypatch.setattr(client, "_RETRY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(client, "_FIRST_POLL_SECONDS", 0.01)
    with vertex_api() as server:
        yield server


@pytest.fixture
def model(launcher: Launcher, tmp_path: Path) -> Stored:
    return stored_model(launcher, tmp_path)


def stored_model(launcher: Launcher, tmp_path: Path, weights: str = "w") -> Stored:
    folder = tmp_path / f"trained-{weights}/model"
    for name, text in {**FILES, "variables/variables.data": weights}.items():
        (folder / "Format-Serving" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "Format-Serving" / name).write_text(text)
    stored = launcher.store(folder)
    # The pipeline root is in a bucket, for any default store of a backend.
    return dataclasses.replace(stored, uri=f"gs://{stored.uri.partition('://')[2]}")


def push(launcher: Launcher, vertex: VertexApi, model: Stored, **more: Any) -> Outcome:
    inputs: dict[str, Any] = {
        name: value for name, value in more.items() if isinstance(value, Stored)
    }
    parameters = {
        "project": "my-project",
        "region": "europe-west1",
        "model_id": "flights",
        "api_endpoint": vertex.address,
        **{name: value for name, value in more.items() if name not in inputs},
    }
    return launcher.run("vertex_pusher", parameters, model=model, **inputs)


def resources(outcome: Outcome) -> list[str]:
    message = json.loads(outcome.parameters["gcp_resources"])
    return [each["resourceUri"].partition("/v1/")[2] for each in message["resources"]]


def test_a_first_push_makes_the_model_and_says_where_it_is(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    outcome = push(
        launcher,
        vertex,
        model,
        version_aliases=["candidate"],
        labels={"team": "ops"},
        serving_container={"env": [{"name": "TF_CPP_MIN_LOG_LEVEL", "value": "2"}]},
        encryption_key="projects/p/locations/r/keyRings/k/cryptoKeys/n",
    )

    (version,) = vertex.versions[MODEL]
    assert version.artifact_uri == f"{model.uri}/Format-Serving"
    assert version.container_spec.image_uri == (
        "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
    )
    assert version.container_spec.env[0].name == "TF_CPP_MIN_LOG_LEVEL"
    assert version.encryption_spec.kms_key_name.endswith("cryptoKeys/n")
    assert version.display_name == "flights"
    assert dict(version.labels) == {"team": "ops"}
    assert {"candidate", "default"} < set(version.version_aliases)
    assert outcome["pushed_model"].metadata == {
        "pushed": 1,
        "pushed_destination": MODEL,
        "pushed_version": "1",
    }
    assert (outcome["pushed_model"].path / "saved_model.pb").read_text() == "graph"
    assert resources(outcome) == [f"{MODEL}@1"]


def test_the_next_push_makes_a_version_of_the_same_model(
    launcher: Launcher, vertex: VertexApi, model: Stored, tmp_path: Path
) -> None:
    push(launcher, vertex, model)

    outcome = push(launcher, vertex, stored_model(launcher, tmp_path, "better"))

    first, second = vertex.versions[MODEL]
    assert outcome["pushed_model"].metadata["pushed_version"] == "2"
    assert "default" in second.version_aliases
    assert "default" not in first.version_aliases


def test_a_model_that_is_there_is_not_uploaded_again_but_gets_its_aliases(
    launcher: Launcher, vertex: VertexApi, model: Stored, tmp_path: Path
) -> None:
    push(launcher, vertex, model)
    push(launcher, vertex, stored_model(launcher, tmp_path, "worse"))

    outcome = push(launcher, vertex, model)

    assert outcome["pushed_model"].metadata["pushed_version"] == "1"
    assert vertex.calls == ["UploadModel", "UploadModel", "MergeVersionAliases"]
    assert "default" in vertex.versions[MODEL][0].version_aliases


def test_another_image_makes_another_version_of_the_same_files(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    push(launcher, vertex, model)
    push(launcher, vertex, model, serving_container_image="europe-docker.pkg.dev/p/r/server:1")

    assert len(vertex.versions[MODEL]) == 2


def test_a_task_that_was_cancelled_during_the_upload_waits_for_it_when_it_runs_again(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    vertex.polls = 500
    with pytest.raises(TaskFailedError, match=r"/operations/100, to upload the model, is not done"):
        push(launcher, vertex, model, timeout_seconds=1)
    vertex.finish_soon()

    push(launcher, vertex, model)

    assert vertex.calls == ["UploadModel"]
    assert len(vertex.versions[MODEL]) == 1


def test_a_busy_service_is_asked_again(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    unavailable = (grpc.StatusCode.UNAVAILABLE, "The service is currently unavailable.")
    exhausted = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded.")
    vertex.refusals = {"UploadModel": [unavailable, exhausted], "GetOperation": [unavailable]}

    push(launcher, vertex, model)

    assert vertex.calls == ["UploadModel"] * 3
    assert len(vertex.versions[MODEL]) == 1


def test_an_answer_that_was_lost_makes_nothing_twice(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    vertex.lost = {"UploadModel", "CreateEndpoint", "DeployModel", "UpdateEndpoint"}

    push(launcher, vertex, model, endpoint="flights-live")

    assert vertex.calls == ["UploadModel", "CreateEndpoint", "CreateEndpoint", "DeployModel"]
    assert len(vertex.versions[MODEL]) == 1
    assert len(vertex.endpoints[ENDPOINT].deployed_models) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            grpc.StatusCode.PERMISSION_DENIED,
            r"exit code 75\nvertex_pusher: Vertex AI at http://.* refuses to upload the model: "
            r"403 no\. Give the task's service account the role roles/aiplatform.user in "
            r"'my-project'",
        ),
        (grpc.StatusCode.UNAUTHENTICATED, r"exit code 75\n.* 401 no\. Give the task's service acc"),
        (grpc.StatusCode.NOT_FOUND, r"exit code 2\n.* 404 no\. Check `project` 'my-project'"),
        (grpc.StatusCode.INVALID_ARGUMENT, r"exit code 2\n.* 400 no\. Correct what it names"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, r"exit code 75\n.* 429 no\. Ask for more quota in"),
        (grpc.StatusCode.UNAVAILABLE, r"exit code 75\n.* 503 no\. Run the task again; nothing is"),
    ],
)
def test_what_vertex_refuses_is_explained(
    launcher: Launcher, vertex: VertexApi, model: Stored, code: grpc.StatusCode, message: str
) -> None:
    vertex.refusals = {"UploadModel": [(code, "no.")] * 3}

    with pytest.raises(TaskFailedError, match=message):
        push(launcher, vertex, model)


def test_a_model_is_deployed_to_an_endpoint_that_is_made(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    outcome = push(
        launcher,
        vertex,
        model,
        endpoint="flights-live",
        endpoint_spec={"dedicatedEndpointEnabled": True, "labels": {"team": "ops"}},
        machine_type="g2-standard-8",
        accelerator_type="NVIDIA_L4",
        accelerator_count=1,
        max_replica_count=3,
        service_account="server@my-project.iam.gserviceaccount.com",
    )

    endpoint = vertex.endpoints[ENDPOINT]
    (deployed,) = endpoint.deployed_models
    machine = deployed.dedicated_resources.machine_spec
    assert endpoint.dedicated_endpoint_enabled
    assert endpoint.display_name == "flights-live"
    assert (machine.machine_type, machine.accelerator_type.name) == ("g2-standard-8", "NVIDIA_L4")
    assert deployed.dedicated_resources.max_replica_count == 3
    assert deployed.service_account == "server@my-project.iam.gserviceaccount.com"
    assert dict(endpoint.traffic_split) == {deployed.id: 100}
    assert "/tf2-gpu." in vertex.versions[MODEL][0].container_spec.image_uri
    assert outcome["pushed_model"].metadata["endpoint"] == ENDPOINT
    assert resources(outcome) == [f"{MODEL}@1", ENDPOINT]


def test_what_is_deployed_is_not_deployed_again(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    push(launcher, vertex, model, endpoint="flights-live")
    vertex.calls.clear()

    push(launcher, vertex, model, endpoint="flights-live")

    assert vertex.calls == []


def test_a_task_that_was_cancelled_during_the_deployment_waits_for_it_when_it_runs_again(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    push(launcher, vertex, model, endpoint="flights-live", endpoint_spec={})
    vertex.endpoints[ENDPOINT].deployed_models = []
    vertex.endpoints[ENDPOINT].traffic_split = {}
    vertex.polls = 500
    with pytest.raises(TaskFailedError, match=r"to deploy version 1, is not done after `timeout_s"):
        push(launcher, vertex, model, endpoint="flights-live", timeout_seconds=1)
    vertex.finish_soon()

    push(launcher, vertex, model, endpoint="flights-live")

    assert vertex.calls.count("DeployModel") == 2
    assert len(vertex.endpoints[ENDPOINT].deployed_models) == 1


def test_a_canary_gets_its_share_and_then_all_and_the_idle_version_is_undeployed(
    launcher: Launcher, vertex: VertexApi, model: Stored, tmp_path: Path
) -> None:
    push(launcher, vertex, model, endpoint="flights-live")
    (old,) = (each.id for each in vertex.endpoints[ENDPOINT].deployed_models)
    better = stored_model(launcher, tmp_path, "better")

    push(launcher, vertex, better, endpoint="flights-live", traffic_percentage=10)

    endpoint = vertex.endpoints[ENDPOINT]
    new = endpoint.deployed_models[1].id
    assert dict(endpoint.traffic_split) == {old: 90, new: 10}

    push(launcher, vertex, better, endpoint="flights-live", undeploy_idle_models=True)

    assert [each.id for each in endpoint.deployed_models] == [new]
    assert dict(endpoint.traffic_split) == {new: 100}
    assert vertex.calls.count("DeployModel") == 2


def test_a_version_without_requests_leaves_them_as_they_are(
    launcher: Launcher, vertex: VertexApi, model: Stored, tmp_path: Path
) -> None:
    push(launcher, vertex, model, endpoint="flights-live")
    before = dict(vertex.endpoints[ENDPOINT].traffic_split)

    better = stored_model(launcher, tmp_path, "better")
    push(launcher, vertex, better, endpoint="flights-live", traffic_percentage=0)

    assert len(vertex.endpoints[ENDPOINT].deployed_models) == 2
    assert dict(vertex.endpoints[ENDPOINT].traffic_split) == before


@pytest.mark.parametrize(
    ("code", "exit_code", "advice"),
    [(9, 2, "Correct what it names"), (8, 75, "Ask for more quota"), (13, 75, "Run the task")],
)
def test_a_deployment_that_fails_says_why_and_keeps_the_version(
    launcher: Launcher,
    vertex: VertexApi,
    model: Stored,
    code: int,
    exit_code: int,
    advice: str,
) -> None:
    vertex.failures = {"DeployModel": (code, "Model server exited unexpectedly.")}

    message = rf"exit code {exit_code}\n.*deploy version 1: .*exited unexpectedly. {advice}"
    with pytest.raises(TaskFailedError, match=message):
        push(launcher, vertex, model, endpoint="flights-live")

    assert len(vertex.versions[MODEL]) == 1


@pytest.mark.parametrize(
    ("shares", "percentage", "expected"),
    [
        ({}, 100, {"n": 100}),
        ({}, 10, {"n": 100}),
        ({}, 0, {}),
        ({"a": 100}, 0, {}),
        ({"a": 100}, 100, {"n": 100}),
        ({"a": 100, "b": 0}, 30, {"a": 70, "n": 30}),
        ({"a": 50, "b": 30, "c": 20}, 33, {"a": 34, "b": 20, "c": 13, "n": 33}),
        ({"a": 1, "b": 99}, 90, {"b": 10, "n": 90}),
        ({"a": 90, "n": 10}, 10, {"a": 90, "n": 10}),
        ({"a": 90, "n": 10}, 0, {"a": 100}),
    ],
)
def test_shares_shrink_in_proportion_and_add_up(
    shares: dict[str, int], percentage: int, expected: dict[str, int]
) -> None:
    assert shared_out(shares, "n", percentage) == expected


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    model = stored_model(launcher, tmp_path)

    with vertex_api() as vertex:
        outcome = push(launcher, vertex, model, endpoint="flights-live")

    assert outcome["pushed_model"].metadata["pushed_destination"] == MODEL
    assert outcome["pushed_model"].metadata["pushed_version"] == "1"
    assert resources(outcome) == [f"{MODEL}@1", ENDPOINT]
    assert "the model is pushed without validation" in outcome.log
    assert f"version 1 answers at {ENDPOINT}" in outcome.log
    return outcome


@pytest.mark.parametrize("file", ["NOT_BLESSED", ""])
def test_without_its_blessing_nothing_is_pushed(
    launcher: Launcher, vertex: VertexApi, model: Stored, tmp_path: Path, file: str
) -> None:
    (tmp_path / "verdict").mkdir()
    if file:
        (tmp_path / "verdict" / file).write_text("")

    outcome = push(launcher, vertex, model, model_blessing=launcher.store(tmp_path / "verdict"))

    assert vertex.calls == []
    assert outcome["pushed_model"].metadata == {
        "pushed": 0,
        "reasons": '["the model is not blessed"]',
    }
    assert resources(outcome) == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"region": "Frankfurt"},
            r"`region` is 'Frankfurt', expected a region such as 'europe-west1'",
        ),
        ({"project": "projects/p"}, r"`project` is 'projects/p', expected the ID of a Google"),
        ({"model_id": "Flights!"}, r"`model_id` is 'Flights!', expected up to 63 lower-case"),
        ({"model_id": "42"}, r"`model_id` is '42', but there is no such model in projects/my-pro"),
        ({"endpoint": "-live"}, r"`endpoint` is '-live', expected up to 63 lower-case letters"),
        ({"endpoint": "42"}, r"`endpoint` is '42', but there is no such endpoint in projects/my"),
        ({"version_aliases": ["2"]}, r"`version_aliases` is '2', expected names of letters"),
        ({"labels": {"a": 1}}, r"label 'a' of `labels` is 1.*expected a string"),
        ({"traffic_percentage": 101}, r"`traffic_percentage` is 101, expected 0 to 100"),
        ({"min_replica_count": 2}, r"`min_replica_count` is 2 and `max_replica_count` 1, expected"),
        ({"accelerator_count": 1}, r"`accelerator_type` is '' and `accelerator_count` 1, expected"),
        ({"timeout_seconds": 0}, r"`timeout_seconds` is 0, expected 1 or more"),
        ({"api_endpoint": "https://a.b"}, r"`api_endpoint` is 'https://a.b', expected a host with"),
        ({"api_endpoint": "http://a.b"}, r"`http://`, which has neither encryption nor credential"),
        (
            {"serving_container": {"image": "x"}},
            r"`serving_container` is \{'image': 'x', .*expected fields of the API's "
            r"`ModelContainerSpec`: .* no field named \"image\"",
        ),
        (
            {"endpoint": "live", "accelerator_type": "L4", "accelerator_count": 1},
            r"`accelerator_type` is .*'L4'.*expected fields of the API's `MachineSpec`",
        ),
        ({"endpoint": "live", "endpoint_spec": {"vpc": "x"}}, r"`endpoint_spec` is \{'vpc': 'x'\}"),
    ],
)
def test_parameters_that_no_run_could_honour_are_refused(
    launcher: Launcher, vertex: VertexApi, model: Stored, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskFailedError, match=rf"exit code 2\nvertex_pusher: .*{message}"):
        push(launcher, vertex, model, **parameters)


def test_a_model_outside_of_cloud_storage_is_refused(
    launcher: Launcher, vertex: VertexApi, model: Stored
) -> None:
    elsewhere = dataclasses.replace(model, uri=model.uri.replace("gs://", "minio://"))

    message = r"the model is at minio://.*reads models from Cloud Storage alone"
    with pytest.raises(TaskFailedError, match=message):
        push(launcher, vertex, elsewhere)


def test_missing_credentials_are_explained(
    launcher: Launcher, vertex: VertexApi, model: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/key.json")

    message = r"exit code 75\nvertex_pusher: there are no credentials for Google Cloud: .*key.json"
    with pytest.raises(TaskFailedError, match=message):
        push(launcher, vertex, model, api_endpoint="")


def test_it_needs_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp'])); "
        "import headrace_components.vertex_pusher.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False)
    assert result.returncode == 0
