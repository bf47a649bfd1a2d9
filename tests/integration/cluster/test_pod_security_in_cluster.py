"""Pods of tasks under Pod Security's level `restricted`, which a real cluster enforces."""

# kfp decorates without types.
# mypy: disallow-untyped-decorators=False

import json
import time
from typing import Any

import pytest
import yaml
from kfp import dsl

from headrace.compilation.compiler import compile_for
from headrace.frontend.loading import load
from headrace.profiles.images import Images
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow.settings import Kubeflow
from headrace_components import catalog
from headrace_components.artifacts import Model
from support.programs.cluster_kubectl import Namespace, Object, answer

# Kubeflow Pipelines 2.17 sets this for the container of a task.
_BY_KUBEFLOW = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dsl.pipeline(name="pushed")
def pushed() -> None:
    model = dsl.importer(artifact_uri="gs://bucket/model", artifact_class=Model)
    catalog.kubernetes_pusher(
        model=model.output,
        server="tf_serving",
        name="m",
        base_directory="/m",
        storage_uri="pvc://m",
    )


@pytest.fixture(scope="module")
def restricted(namespace: Namespace) -> Namespace:
    label = "pod-security.kubernetes.io/enforce=restricted"
    namespace.kubectl("label", "namespace", namespace.name, label)
    return namespace


def pod(image: str, security: Object, namespace: Namespace, **more: Any) -> Object:
    """Returns a pod like the driver makes it from the compiled pipeline."""
    registry, _, tag = image.rpartition("/")
    profile = Profile(
        images=Images(registry=registry, digests={"kubernetes_pusher": f"sha256:{'0' * 64}"}),
        targets=(Kubeflow(),),
    )
    spec, platform = yaml.safe_load_all(compile_for(load(pushed), "kubeflow", profile).text)
    label = "exec-kubernetes-pusher"
    asked = spec["deploymentSpec"]["executors"][label]["container"]["resources"]
    config = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][label]
    requests = {"cpu": asked["resourceCpuRequest"], "memory": asked["resourceMemoryRequest"]}
    main = {
        "name": "main",
        "image": f"{registry}/{tag}",
        "command": ["python", "-c", "import os; print(os.getuid())"],
        "resources": {"requests": requests},
        "securityContext": {**_BY_KUBEFLOW, **security, **config.get("securityContext", {})},
        **more,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "task", "namespace": namespace.name},
        "spec": {"restartPolicy": "Never", "containers": [main]},
    }


def test_a_task_runs_where_restricted_is_enforced(restricted: Namespace, image: str) -> None:
    restricted.apply([pod(image, {}, restricted)])

    end = time.monotonic() + 300
    while (phase := restricted.get("pod", "task")["status"]["phase"]) != "Succeeded":
        assert phase != "Failed"
        assert time.monotonic() < end
        time.sleep(1)
    assert restricted.kubectl("logs", "task") == "65532\n"


def test_what_kubeflow_gives_it_alone_would_be_refused(restricted: Namespace) -> None:
    without = pod("registry.invalid/headrace/kubernetes_pusher", {}, restricted)
    without["metadata"]["name"] = "without"
    del without["spec"]["containers"][0]["securityContext"]["runAsNonRoot"]

    words = ("apply", "--server-side", "--dry-run=server", "--filename", "-")
    code, _, said = answer(*words, text=json.dumps(without))

    assert code != 0
    assert "runAsNonRoot != true" in said
    # Only this is missing.
    assert "allowPrivilegeEscalation" not in said
    assert "seccompProfile" not in said
