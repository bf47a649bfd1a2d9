"""kubernetes_pusher in pods of a real cluster, with real Deployments."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.oracles.kubernetes_manifests import MANIFESTS, built
from support.programs.cluster_kubectl import Namespace, Object, answer, kubectl, moved

_CLAIM = "headrace-models"
_RUN = """
import json, os, pathlib, sys
model = pathlib.Path("/tmp/model/Format-Serving")
model.mkdir(parents=True)
(model / "saved_model.pb").write_text(os.environ["WEIGHTS"])
os.execv(sys.executable, [sys.executable, "-m", "headrace_components.kubernetes_pusher",
    "--executor_input", os.environ["MESSAGE"]])
"""

# Kubeflow Pipelines sets this for the container of a task; Headrace sets `runAsNonRoot`.
CONFINED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(scope="module")
def serving(namespace: Namespace, image: str) -> Namespace:
    """A namespace with the objects of manifests/base for models, and a volume for them."""
    both = {"headrace-serving": namespace.name, "kubeflow": namespace.name}
    objects = moved(built(MANIFESTS / "base"), both)
    wanted = ("headrace-pusher", "headrace-serving", "headrace-server", "headrace-pipeline")
    namespace.apply([each for each in objects if each["metadata"]["name"] in wanted])
    size = {"requests": {"storage": "1Gi"}}
    namespace.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": _CLAIM, "namespace": namespace.name},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": size},
            }
        ]
    )
    # Images have their own user, and a new volume may belong to root.
    opened = {
        "name": "main",
        "image": image,
        "command": ["chmod", "777", "/models"],
        "securityContext": {"runAsUser": 0},
    }
    code, log = run(namespace, "open-models", opened, "headrace-pipeline")
    assert code == 0, log
    return namespace


def run(namespace: Namespace, pod: str, container: Object, account: str) -> tuple[int, str]:
    """Runs a container that sees the models, and returns its exit code and its log."""
    spec = {
        "restartPolicy": "Never",
        "serviceAccountName": account,
        "containers": [
            {
                **container,
                "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
                "volumeMounts": [{"name": "models", "mountPath": "/models"}],
            }
        ],
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": _CLAIM}}],
    }
    metadata = {"name": pod, "namespace": namespace.name}
    namespace.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}])
    end = time.monotonic() + 900
    while (status := namespace.get("pod", pod)["status"])["phase"] not in ("Succeeded", "Failed"):
        assert time.monotonic() < end, status
        time.sleep(1)
    ended = status["containerStatuses"][0]["state"]["terminated"]
    return ended["exitCode"], namespace.kubectl("logs", pod)


def push(
    serving: Namespace, image: str, name: str, weights: str,
    account: str = "headrace-pipeline", server: str = "",
    **more: Any,
) -> tuple[int, str]:  # fmt: skip
    """Runs the component in a pod, and returns its exit code and its log."""
    parameters = {
        "server": "tf_serving",
        "name": name,
        "base_directory": "/models",
        "storage_uri": f"pvc://{_CLAIM}",
        "image": server or image,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "service_account": "headrace-server",
        "timeout_seconds": 600,
        **more,
    }
    model = {"artifacts": [{"name": "model", "uri": "/tmp/model", "metadata": {}}]}
    pushed = {"artifacts": [{"name": "pushed_model", "uri": "/tmp/out/pushed", "metadata": {}}]}
    message = {
        "inputs": {"parameterValues": parameters, "artifacts": {"model": model}},
        "outputs": {"artifacts": {"pushed_model": pushed}, "outputFile": "/tmp/out/output.json"},
    }
    container = {
        "name": "main",
        "image": image,
        "command": ["python", "-c", _RUN],
        "env": [
            {"name": "WEIGHTS", "value": weights},
            {"name": "MESSAGE", "value": json.dumps(message)},
        ],
        "securityContext": CONFINED,
    }
    return run(serving, f"push-{name}-{uuid.uuid4().hex[:8]}", container, account)


def served(serving: Namespace, name: str) -> str:
    service = f"/api/v1/namespaces/{serving.name}/services/{name}:rest/proxy"
    return kubectl("get", "--raw", f"{service}/v1/models/{name}")


def test_a_push_ends_when_the_model_is_served_and_the_next_one_takes_its_place(
    serving: Namespace, image: str
) -> None:
    code, log = push(serving, image, "flights", "first")
    assert code == 0, log
    assert served(serving, "flights") == "first"
    before = serving.get("deployment", "flights")["metadata"]["generation"]

    code, log = push(serving, image, "flights", "second")
    assert code == 0, log
    assert served(serving, "flights") == "second"

    code, log = push(serving, image, "flights", "second")
    assert code == 0, log
    assert serving.get("deployment", "flights")["metadata"]["generation"] == before + 1


def test_of_two_pushes_at_once_only_that_of_the_model_that_is_served_succeeds(
    serving: Namespace, image: str
) -> None:
    push(serving, image, "rides", "before")

    with ThreadPoolExecutor(2) as pool:
        pushes = {
            weights: pool.submit(push, serving, image, "rides", weights) for weights in ("a", "b")
        }
        ended = {weights: each.result() for weights, each in pushes.items()}

    winner = served(serving, "rides")
    loser = "a" if winner == "b" else "b"
    assert ended[winner][0] == 0, ended[winner][1]
    # Unless it was fully served before the other one was applied.
    if ended[loser][0] != 0:
        assert ended[loser][0] == 2
        assert "another push changed the Deployment rides before this one's" in ended[loser][1]


def test_a_server_that_crashes_ends_the_push_long_before_its_time(
    serving: Namespace, image: str
) -> None:
    push(serving, image, "crashes", "good")
    start = time.monotonic()

    code, log = push(serving, image, "crashes", "crash", roll_back=True, timeout_seconds=900)

    assert code == 2, log
    assert time.monotonic() - start < 300
    assert "its server crashes again and again" in log
    assert "ended with exit code 255: Error: No versions of servable found under base path" in log
    assert "Rolled back to version" in log
    assert served(serving, "crashes") == "good"


def test_a_server_that_is_never_ready_is_the_reason_and_not_the_old_one(
    serving: Namespace, image: str
) -> None:
    push(serving, image, "silent", "good")

    code, log = push(serving, image, "silent", "silent", timeout_seconds=20)

    assert code == 2, log
    assert "it waits for 1 of 1 new replicas to be ready (silent-" in log
    assert "runs, and does not answer its readiness probe" in log
    assert served(serving, "silent") == "good"


def test_an_image_that_is_not_there_is_known_after_a_minute(serving: Namespace, image: str) -> None:
    missing = f"{image.rpartition(':')[0]}:none"

    code, log = push(serving, image, "missing", "good", server=missing)

    assert code == 2, log
    assert "its pods cannot be started" in log
    assert "ImagePull" in log
    answer("--namespace", serving.name, "delete", "deployment", "missing")


def test_without_the_role_the_rule_to_add_is_all_that_is_said(
    serving: Namespace, image: str
) -> None:
    code, log = push(serving, image, "refused", "good", account="default")

    assert code == 75, log
    assert "refuses to get deployments in namespace" in log
    assert '"verbs": ["get", "watch", "create", "patch"]' in log
    assert "Traceback" not in log
