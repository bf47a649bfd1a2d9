"""Contract of kubernetes_pusher, with the real client and a server with the REST API."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import incluster_config

from headrace_components.kubernetes_pusher import rollout, serving_cluster
from headrace_components.kubernetes_pusher.manifests import push_of
from headrace_components.kubernetes_pusher.pods import crashes, troubles
from headrace_components.kubernetes_pusher.rollout import deployment_state
from support.fakes.kubernetes_api import (
    NAMESPACE,
    TOKEN,
    KubernetesApi,
    kubernetes_api,
    write_certificate,
)
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

KSERVE = ("inferenceservices", "flights")
DEPLOYMENT = ("deployments", "flights")

# The state of the init container that fetches the model for KServe.
DOWNLOAD = {
    "reason": "CrashLoopBackOff",
    "message": "back-off 10s restarting",
    "container": "storage-initializer",
}


@pytest.fixture
def kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesApi]:
    monkeypatch.setattr(serving_cluster, "_RETRY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(rollout, "_WATCH_SECONDS", 1)
    monkeypatch.setattr(rollout, "_FAILURE_SECONDS", 0.5)
    with kubernetes_api(tmp_path) as api:
        yield api


@pytest.fixture
def model(launcher: Launcher, tmp_path: Path) -> Stored:
    return stored_model(launcher, tmp_path)


def stored_model(launcher: Launcher, tmp_path: Path, weights: str = "w") -> Stored:
    folder = tmp_path / f"trained-{weights}/model"
    (folder / "Format-Serving/variables").mkdir(parents=True)
    (folder / "Format-Serving/saved_model.pb").write_text("graph")
    (folder / "Format-Serving/variables/variables.data").write_text(weights)
    return launcher.store(folder)


def push(launcher: Launcher, api: KubernetesApi, model: Stored, **more: Any) -> Outcome:
    inputs: dict[str, Any] = {
        name: value for name, value in more.items() if isinstance(value, Stored)
    }
    parameters = {
        "server": "kserve",
        "name": "flights",
        "base_directory": str(api.kubeconfig.parent / "volume"),
        "storage_uri": "pvc://models/live/",
        "timeout_seconds": 20,
        **{name: value for name, value in more.items() if name not in inputs},
    }
    environment = {"KUBECONFIG": str(api.kubeconfig)}
    return launcher.run("kubernetes_pusher", parameters, environment, model=model, **inputs)


def pushed(outcome: Outcome) -> dict[str, Any]:
    return outcome["pushed_model"].metadata


def files_under(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_kserve_gets_an_inference_service_of_the_pushed_version(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, tmp_path: Path
) -> None:
    outcome = push(
        launcher,
        kubernetes,
        model,
        runtime="kserve-tensorflow-serving",
        resources={"limits": {"cpu": 2, "memory": "4Gi"}},
        pod_spec={"nodeSelector": {"pool": "serving"}},
        service_account="models-reader",
        max_replicas=3,
    )

    (folder,) = (tmp_path / "volume").iterdir()
    version = pushed(outcome)["pushed_version"]
    found = kubernetes.objects[KSERVE]
    predictor = dict(found["spec"]["predictor"])
    assert set(predictor.pop("labels")) == {"headrace.dev/push"}
    assert predictor == {
        "model": {
            "modelFormat": {"name": "tensorflow"},
            "runtime": "kserve-tensorflow-serving",
            "storageUri": f"pvc://models/live/{folder.name}",
            "resources": {"limits": {"cpu": 2, "memory": "4Gi"}},
        },
        "nodeSelector": {"pool": "serving"},
        "serviceAccountName": "models-reader",
        "minReplicas": 1,
        "maxReplicas": 3,
    }
    assert found["metadata"]["annotations"]["headrace.dev/version"] == version
    assert files_under(folder) == {
        f"{version}/saved_model.pb",
        f"{version}/variables/variables.data",
    }
    assert pushed(outcome) == {
        "pushed": 1,
        "pushed_destination": f"pvc://models/live/{folder.name}",
        "pushed_version": version,
        "url": "http://flights.serving.example.com",
    }
    assert files_under(outcome["pushed_model"].path) == {
        "saved_model.pb",
        "variables/variables.data",
    }


def test_a_model_of_another_format_lies_without_a_directory_for_its_version(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, tmp_path: Path
) -> None:
    outcome = push(launcher, kubernetes, model, model_format="sklearn")

    (folder,) = (tmp_path / "volume").iterdir()
    assert folder.name == f"{pushed(outcome)['pushed_version']}-files"
    assert files_under(folder) == {"saved_model.pb", "variables/variables.data"}


def test_tensorflow_serving_gets_a_deployment_and_a_service(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    outcome = push(
        launcher,
        kubernetes,
        model,
        server="tf_serving",
        min_replicas=2,
        pod_spec={"tolerations": [{"key": "gpu", "tolerationSeconds": 300}]},
    )

    found = kubernetes.objects[DEPLOYMENT]
    pod = found["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    folder = pushed(outcome)["pushed_destination"].rpartition("/")[2]
    assert f"--model_base_path=/models/live/{folder}" in container["args"]
    assert container["image"] == "tensorflow/serving:2.19.1"
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "models"
    assert pod["tolerations"][0]["tolerationSeconds"] == 300
    assert found["status"]["availableReplicas"] == 2
    assert kubernetes.objects[("services", "flights")]["spec"]["ports"][1]["port"] == 8501
    assert pushed(outcome)["url"] == "http://flights.serving.svc:8501/v1/models/flights"


def test_tensorflow_serving_reads_a_bucket_without_a_volume(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    push(launcher, kubernetes, model, server="tf_serving", storage_uri="gs://bucket/models")

    pod = kubernetes.objects[DEPLOYMENT]["spec"]["template"]["spec"]
    assert "volumes" not in pod
    assert any(
        "--model_base_path=gs://bucket/models/" in arg for arg in pod["containers"][0]["args"]
    )


@pytest.mark.parametrize(("server", "key"), [("kserve", KSERVE), ("tf_serving", DEPLOYMENT)])
def test_a_push_waits_for_its_own_version_and_not_for_the_one_before(
    launcher: Launcher,
    kubernetes: KubernetesApi,
    model: Stored,
    tmp_path: Path,
    server: str,
    key: tuple[str, str],
) -> None:
    push(launcher, kubernetes, model, server=server)

    push(launcher, kubernetes, stored_model(launcher, tmp_path, "better"), server=server)

    found = kubernetes.objects[key]
    labels = [
        each["metadata"]["labels"]["headrace.dev/push"]
        for (plural, _), each in kubernetes.objects.items()
        if plural == "pods"
    ]
    spec = found["spec"]
    wanted = spec["predictor"] if server == "kserve" else spec["template"]["metadata"]
    assert wanted["labels"]["headrace.dev/push"] in labels
    assert found["metadata"]["generation"] == 2


@pytest.mark.parametrize(("server", "key"), [("kserve", KSERVE), ("tf_serving", DEPLOYMENT)])
def test_the_same_push_again_copies_and_rolls_out_nothing(
    launcher: Launcher,
    kubernetes: KubernetesApi,
    model: Stored,
    tmp_path: Path,
    server: str,
    key: tuple[str, str],
) -> None:
    first = push(launcher, kubernetes, model, server=server)
    if server == "kserve":  # scaled to none in the meantime
        for plural, name in list(kubernetes.objects):
            if plural == "pods":
                del kubernetes.objects[(plural, name)]

    again = push(launcher, kubernetes, model, server=server)

    assert pushed(again) == pushed(first)
    assert len(list((tmp_path / "volume").iterdir())) == 1
    assert kubernetes.objects[key]["metadata"]["generation"] == 1


def test_a_canary_gets_its_share_and_later_all(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, tmp_path: Path
) -> None:
    push(launcher, kubernetes, model)
    better = stored_model(launcher, tmp_path, "better")

    push(launcher, kubernetes, better, canary_traffic_percent=10)
    share = kubernetes.objects[KSERVE]["spec"]["predictor"]["canaryTrafficPercent"]
    push(launcher, kubernetes, better)

    assert share == 10
    assert "canaryTrafficPercent" not in kubernetes.objects[KSERVE]["spec"]["predictor"]


@pytest.mark.parametrize(
    ("server", "trouble", "message"),
    [
        (
            "tf_serving",
            {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "serving:9"'},
            r"exit code 2\n.*Deployment flights did not come up: .*\. "
            r'Pods: flights-.*/server: ImagePullBackOff: Back-off pulling image "serving:9"\.'
            r" Correct the image",
        ),
        (
            "tf_serving",
            {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"},
            r"exit code 2\n.*Deployment flights did not come up: its server crashes again and "
            r"again\. Pods: .*CrashLoopBackOff: back-off 40s restarting: ended with exit code 255: "
            r"Error: restarted [2-9] times\. Correct the image, the model",
        ),
        (
            "tf_serving",
            {"reason": "Unschedulable", "message": "0/3 nodes are available: insufficient cpu."},
            r"exit code 75\n.*Unschedulable: 0/3 nodes are available: insufficient cpu\. "
            r"Make room in the cluster",
        ),
        (
            "kserve",
            DOWNLOAD,
            r"exit code 2\n.*InferenceService flights did not come up: BlockedByFailedLoad: "
            r"ModelLoadFailed: no versions of servable found\. Pods: .*exit code 255",
        ),
    ],
)
def test_a_version_that_does_not_come_up_says_what_its_pods_wait_for(
    launcher: Launcher,
    kubernetes: KubernetesApi,
    model: Stored,
    server: str,
    trouble: dict[str, str],
    message: str,
) -> None:
    kubernetes.trouble = trouble

    with pytest.raises(TaskFailedError, match=message):
        push(launcher, kubernetes, model, server=server)


@pytest.mark.parametrize(("server", "key"), [("kserve", KSERVE), ("tf_serving", DEPLOYMENT)])
def test_a_version_that_does_not_come_up_is_rolled_back_where_asked(
    launcher: Launcher,
    kubernetes: KubernetesApi,
    model: Stored,
    tmp_path: Path,
    server: str,
    key: tuple[str, str],
) -> None:
    outcome = push(launcher, kubernetes, model, server=server)
    before = kubernetes.objects[key]["spec"]
    kubernetes.trouble = {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}

    message = rf"Rolled back to version {pushed(outcome)['pushed_version']}\."
    with pytest.raises(TaskFailedError, match=message):
        push(
            launcher,
            kubernetes,
            stored_model(launcher, tmp_path, "worse"),
            server=server,
            roll_back=True,
        )

    assert kubernetes.objects[key]["spec"] == before


@pytest.mark.parametrize(("server", "key"), [("kserve", KSERVE), ("tf_serving", DEPLOYMENT)])
@pytest.mark.parametrize("roll_back", [False, True])
def test_of_two_pushes_at_once_the_one_that_is_not_served_says_so(
    launcher: Launcher,
    kubernetes: KubernetesApi,
    model: Stored,
    tmp_path: Path,
    server: str,
    key: tuple[str, str],
    roll_back: bool,
) -> None:
    outcome = push(launcher, kubernetes, model, server=server)
    kubernetes.trouble = {"reason": "ContainerCreating"}
    better = stored_model(launcher, tmp_path, "better")
    best = stored_model(Launcher(root=tmp_path / "launcher-2"), tmp_path, "best")

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(push, launcher, kubernetes, better, server=server, roll_back=roll_back)
        while len(applied_to(kubernetes, key)) < 2:
            time.sleep(0.01)
        faster = pool.submit(
            push, Launcher(root=tmp_path / "launcher-2"), kubernetes, best, server=server
        )
        # Not before: the first one would be served.
        while len(applied_to(kubernetes, key)) < 3:
            time.sleep(0.01)
        kubernetes.trouble = {}
        other = faster.result(30)
        message = (
            r"exit code 2\n.*another push changed the \w+ flights before this one's model was "
            rf"served: now it is version {pushed(other)['pushed_version']}, at "
            rf"{pushed(other)['pushed_destination']}\. Let one pipeline at a time push to a name"
        )
        with pytest.raises(TaskFailedError, match=message):
            slow.result(30)

    first, lost, won = applied_to(kubernetes, key)
    assert push_of(kubernetes.objects[key]) == push_of(won)
    assert len({push_of(first), push_of(lost), push_of(won)}) == 3
    assert pushed(outcome)["pushed"] == pushed(other)["pushed"] == 1


def applied_to(kubernetes: KubernetesApi, key: tuple[str, str]) -> list[dict[str, Any]]:
    kind = "Deployment" if key == DEPLOYMENT else "InferenceService"
    return [each for each in kubernetes.applied if each["kind"] == kind]


@pytest.mark.parametrize(("server", "key"), [("kserve", KSERVE), ("tf_serving", DEPLOYMENT)])
def test_a_push_that_came_meanwhile_is_not_rolled_back(
    launcher: Launcher,
    kubernetes: KubernetesApi,
    model: Stored,
    tmp_path: Path,
    server: str,
    key: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    push(launcher, kubernetes, model, server=server)
    kubernetes.trouble = {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}
    worse = stored_model(launcher, tmp_path, "worse")
    failure = rollout._failure

    def and_then_another_pushes(*words: Any) -> Exception:
        spec = kubernetes.objects[key]["spec"]
        holder = spec["predictor"] if server == "kserve" else spec["template"]["metadata"]
        holder["labels"]["headrace.dev/push"] = "another"
        return failure(*words)

    monkeypatch.setattr(rollout, "_failure", and_then_another_pushes)

    with pytest.raises(TaskFailedError, match=r"Another push came meanwhile, so there is nothing"):
        push(launcher, kubernetes, worse, server=server, roll_back=True)

    assert push_of(kubernetes.objects[key]) == "another"


@pytest.mark.parametrize("server", ["kserve", "tf_serving"])
def test_a_server_that_crashes_is_known_long_before_its_time_is_up(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, server: str
) -> None:
    kubernetes.trouble = {"reason": "CrashLoopBackOff", "message": "back-off 20s restarting"}

    message = (
        r"its server crashes again and again\. Pods: .*exit code 255: Error: restarted [2-9] times"
    )
    with pytest.raises(TaskFailedError, match=message):
        push(launcher, kubernetes, model, server=server, timeout_seconds=900)


def test_pods_that_are_there_get_another_chance() -> None:
    def pods(restarts: int) -> list[dict[str, Any]]:
        ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
        container = {"name": "server", "restartCount": restarts, "lastState": ended}
        return [{"metadata": {"name": "p"}, "status": {"containerStatuses": [container]}}]

    seen: dict[str, int] = {}
    assert [crashes(pods(restarts), seen) for restarts in (7, 8, 9)] == [False, False, True]


def test_a_server_that_is_never_ready_is_not_explained_by_the_old_one(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, tmp_path: Path
) -> None:
    push(launcher, kubernetes, model, server="tf_serving")
    kubernetes.trouble = {"reason": "NotReady"}

    message = (
        r"exit code 2\n.*after `timeout_seconds`, 1 s, it waits for 1 of 1 new replicas to be "
        r"ready \(flights-\S+/server: runs, and does not answer its readiness probe\)"
    )
    with pytest.raises(TaskFailedError, match=message):
        push(
            launcher,
            kubernetes,
            stored_model(launcher, tmp_path, "worse"),
            server="tf_serving",
            timeout_seconds=1,
        )


def test_a_first_version_has_nothing_to_roll_back_to(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    kubernetes.trouble = {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}

    with pytest.raises(TaskFailedError, match=r"There was no version before to roll back to\."):
        push(launcher, kubernetes, model, roll_back=True)


def test_a_version_that_fails_as_the_one_before_says_so_when_its_time_is_up(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    kubernetes.trouble = dict(DOWNLOAD)
    kubernetes.objects[KSERVE] = {"metadata": {"name": "flights", "generation": 7}, "spec": {}}
    kubernetes.objects[KSERVE]["status"] = {
        "modelStatus": {
            "transitionStatus": "BlockedByFailedLoad",
            "lastFailureInfo": {
                "reason": "ModelLoadFailed",
                "message": "no versions of servable found",
            },
        }
    }

    message = (
        r"exit code 2\n.*after `timeout_seconds`, 1 s, it waits for another status of its model "
        r"than BlockedByFailedLoad: ModelLoadFailed: no versions .*CrashLoopBackOff"
    )
    with pytest.raises(TaskFailedError, match=message):
        push(launcher, kubernetes, model, timeout_seconds=1)


def test_a_download_that_fails_at_first_is_waited_for(
    launcher: Launcher,
    kubernetes: KubernetesApi,
    model: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollout, "_FAILURE_SECONDS", 15)
    kubernetes.trouble = dict(DOWNLOAD)
    end = threading.Timer(0.4, kubernetes.trouble.clear)
    end.start()

    assert pushed(push(launcher, kubernetes, model))["pushed"] == 1

    end.join()


def test_a_version_that_takes_too_long_says_what_it_waits_for(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    kubernetes.trouble = {"reason": "ContainerCreating"}

    message = r"exit code 75\n.*after `timeout_seconds`, 1 s, it waits for a pod of this version to"
    with pytest.raises(TaskFailedError, match=message):
        push(launcher, kubernetes, model, timeout_seconds=1)


def test_a_service_that_somebody_deletes_is_not_waited_for(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    kubernetes.trouble = {"reason": "ContainerCreating"}
    deletion = threading.Timer(0.5, lambda: kubernetes.objects.pop(KSERVE))
    deletion.start()

    with pytest.raises(TaskFailedError, match=r"somebody deleted the InferenceService fli"):
        push(launcher, kubernetes, model)

    deletion.join()


def test_a_busy_server_and_a_watch_that_expires_are_no_failure(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    kubernetes.busy = [409, 503]
    kubernetes.watch_error = True

    assert pushed(push(launcher, kubernetes, model))["pushed"] == 1


def test_what_others_set_on_the_object_stays(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, tmp_path: Path
) -> None:
    push(launcher, kubernetes, model, server="tf_serving", min_replicas=0)
    kubernetes.objects[DEPLOYMENT]["spec"]["replicas"] = 3  # the number of an autoscaler
    kubernetes.objects[DEPLOYMENT]["metadata"]["annotations"]["team"] = "ops"

    better = stored_model(launcher, tmp_path, "better")
    push(launcher, kubernetes, better, server="tf_serving", min_replicas=0)

    assert kubernetes.objects[DEPLOYMENT]["spec"]["replicas"] == 3
    assert kubernetes.objects[DEPLOYMENT]["metadata"]["annotations"]["team"] == "ops"


@pytest.mark.parametrize("verb", ["get", "patch", "watch"])
def test_a_missing_permission_comes_with_the_rule_to_add(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, verb: str
) -> None:
    kubernetes.forbidden = {(verb, "inferenceservices")}

    message = (
        rf"exit code 75\n.*refuses to {verb} inferenceservices in namespace 'serving': 403 .*User "
        r'"system:serviceaccount:kubeflow:pipeline-runner".*Role of that namespace with the rule '
        r'\{"apiGroups": \["serving.kserve.io"\], "resources": \["inferenceservices"\], "verbs": '
        r'\["get", "watch", "create", "patch"\]\}'
    )
    with pytest.raises(TaskFailedError, match=message) as refused:
        push(launcher, kubernetes, model)
    assert "Traceback" not in str(refused.value)


def test_credentials_that_the_server_does_not_know_are_explained(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    text = kubernetes.kubeconfig.read_text()
    kubernetes.kubeconfig.write_text(text.replace("the-token", "another"))

    with pytest.raises(TaskFailedError, match=r"exit code 75\n.* 401 .*It does not know this task"):
        push(launcher, kubernetes, model)


def test_a_cluster_without_kserve_is_explained_before_anything_is_copied(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, tmp_path: Path
) -> None:
    kubernetes.has_kserve = False

    message = r"exit code 2\n.*has no inferenceservices of serving.kserve.io/v1beta1\. Install what"
    with pytest.raises(TaskFailedError, match=message):
        push(launcher, kubernetes, model)

    assert not list((tmp_path / "volume").iterdir())


def test_a_server_that_does_not_answer_is_explained(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    text = kubernetes.kubeconfig.read_text()
    kubernetes.kubeconfig.write_text(text.replace(kubernetes.address, "http://127.0.0.1:1"))

    with pytest.raises(TaskFailedError, match=r"exit code 75\n.*127.0.0.1:1 does not answer: "):
        push(launcher, kubernetes, model)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"server": "seldon"}, r"`server` is 'seldon', expected one of \['kserve', 'tf_serving'\]"),
        ({"name": "Flights"}, r"`name` is 'Flights', expected up to 63 lower-case letters"),
        ({"namespace": "absent"}, r"there is no namespace 'absent' at http://"),
        ({"base_directory": ""}, r"`base_directory` is empty, expected the directory where"),
        ({"storage_uri": ""}, r"`storage_uri` is '' and `base_directory` .* means nothing to"),
        (
            {"server": "tf_serving", "storage_uri": "s3://b/m"},
            r"the server is to read 's3://b/m', but TensorFlow Serving reads only \['pvc://', 'gs",
        ),
        (
            {"server": "tf_serving", "canary_traffic_percent": 10},
            r"`canary_traffic_percent` is 10",
        ),
        ({"canary_traffic_percent": 0}, r"`canary_traffic_percent` is 0, expected 1 to 100"),
        ({"min_replicas": 3, "max_replicas": 2}, r"`min_replicas` is 3 and `max_replicas` 2, exp"),
        ({"timeout_seconds": 0}, r"`timeout_seconds` is 0, expected 1 or more"),
        ({"resources": {"cpu": 1}}, r"`resources` has \['cpu'\], expected `requests` and `limits`"),
        ({"pod_spec": {"containers": []}}, r"`pod_spec` has \['containers'\], which the component"),
        (
            {"server": "tf_serving", "pod_spec": {"nodeSelektor": {}}},
            r"refuses to patch deployments .*400 .*nodeSelektor: field not declared in schema\. "
            r"Correct what it names",
        ),
    ],
)
def test_parameters_that_no_run_could_honour_are_refused(
    launcher: Launcher,
    kubernetes: KubernetesApi,
    model: Stored,
    parameters: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(TaskFailedError, match=rf"exit code 2\nkubernetes_pusher: .*{message}"):
        push(launcher, kubernetes, model, **parameters)


def test_in_a_cluster_the_pods_own_account_and_namespace_are_used(
    launcher: Launcher, model: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "certificate.pem"
    write_certificate(certificate)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "namespace").write_text(NAMESPACE)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(certificate))
    monkeypatch.setattr(serving_cluster, "_NAMESPACE_FILE", tmp_path / "namespace")

    with kubernetes_api(tmp_path, certificate) as kubernetes:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", kubernetes.address.rpartition(":")[2])
        kubernetes.kubeconfig.unlink()
        push(launcher, kubernetes, model)

    assert KSERVE in kubernetes.objects


def test_an_unknown_context_is_explained(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored
) -> None:
    message = r"exit code 75\n.*there are no credentials for context 'prod': .*Run the task in the"
    with pytest.raises(TaskFailedError, match=message):
        push(launcher, kubernetes, model, kubeconfig_context="prod")


def test_without_its_blessing_nothing_is_pushed(
    launcher: Launcher, kubernetes: KubernetesApi, model: Stored, tmp_path: Path
) -> None:
    (tmp_path / "verdict").mkdir()
    (tmp_path / "verdict/NOT_BLESSED").write_text("")

    verdict = launcher.store(tmp_path / "verdict")
    outcome = push(launcher, kubernetes, model, model_blessing=verdict)

    assert pushed(outcome) == {"pushed": 0, "reasons": '["the model is not blessed"]'}
    assert kubernetes.applied == []
    assert not (tmp_path / "volume").exists()


VARIES = {"pushed_model/pushed_version": "It is the time."}


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    model = stored_model(launcher, tmp_path)
    on_vertex = launcher.rules == "vertex"
    more = {"base_directory": "gs://bucket/live", "storage_uri": ""} if on_vertex else {}

    with kubernetes_api(tmp_path) as kubernetes:
        outcome = push(launcher, kubernetes, model, server="tf_serving", **more)
        args = kubernetes.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["args"]

    destination = pushed(outcome)["pushed_destination"]
    stored = launcher.root / "store/bucket/live" if on_vertex else tmp_path / "volume"
    assert destination.startswith("gs://bucket/live/" if on_vertex else "pvc://models/live")
    assert (stored / destination.rpartition("/")[2] / pushed(outcome)["pushed_version"]).is_dir()
    assert any(destination.rpartition("/")[2] in argument for argument in args)
    assert "the model is pushed without validation" in outcome.log
    assert "waits for 1 of 1 new replicas to be made" in outcome.log
    return outcome


@pytest.mark.parametrize(
    ("status", "waits_for"),
    [
        ({"observedGeneration": 1}, "the controller to see the change"),
        ({"observedGeneration": 2}, "2 of 2 new replicas to be made"),
        ({"observedGeneration": 2, "updatedReplicas": 2, "replicas": 3}, "1 old replicas to end"),
        (
            {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 1},
            "1 of 2 new replicas to be available",
        ),
        (
            {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2},
            "",
        ),
    ],
)
def test_a_deployment_is_judged_as_kubectl_does(status: dict[str, Any], waits_for: str) -> None:
    found = {"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status}
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    pods = [{"metadata": {"name": name}, "status": ready} for name in ("a", "b")]

    assert deployment_state(found, pods).waits_for == waits_for


def test_a_pod_that_starts_is_in_no_trouble() -> None:
    waiting = {"waiting": {"reason": "PodInitializing"}}
    status = {"containerStatuses": [{"name": "server", "state": waiting}]}

    assert troubles([{"metadata": {"name": "p"}, "status": status}]) == []


def test_it_needs_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['tensorflow', 'apache_beam', 'kfp'])); "
        "import headrace_components.kubernetes_pusher.executor"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False)
    assert result.returncode == 0
