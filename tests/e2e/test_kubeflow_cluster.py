"""Reasons why pods of a run do not start, on a real Kubernetes; runs with HEADRACE_CLUSTER=1.

It uses a separate namespace in the cluster of the kubeconfig.
"""

import os
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config

from headrace.targets.kubeflow.cluster_state import ClusterState

pytestmark = pytest.mark.skipif(
    not os.environ.get("HEADRACE_CLUSTER"), reason="it takes a cluster: HEADRACE_CLUSTER=1"
)

RUN = "5fc0c0d1-6604-4e42-bfc5-f0bfbc738abe"


@pytest.fixture
def core() -> Any:
    config.load_kube_config()
    return client.CoreV1Api()


@pytest.fixture
def namespace(core: Any) -> Iterator[str]:
    name = f"headrace-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    for _ in range(60):  # until the namespace has an account for pods
        if core.list_namespaced_service_account(name).items:
            break
        time.sleep(0.5)
    yield name
    core.delete_namespace(name)


def start(core: Any, namespace: str, name: str, **spec: Any) -> None:
    """Makes a pod like Argo, with one container and the fields of `spec` for it or for the pod."""
    container = {"name": "main", "image": "registry.invalid/none:1", **spec.pop("main", {})}
    metadata = {
        "name": name,
        "labels": {"pipeline/runid": RUN},
        "annotations": {"workflows.argoproj.io/node-id": f"node-{name}"},
    }
    core.create_namespaced_pod(
        namespace,
        {"metadata": metadata, "spec": {"containers": [container], **spec}},
    )


def test_why_pods_do_not_start_is_read_from_the_cluster(core: Any, namespace: str) -> None:
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "nobodys"}}
    secret = {"name": "key", "secret": {"secretName": "nobodys"}}
    start(core, namespace, "cpu", main={"resources": {"requests": {"cpu": "4000"}}})
    start(core, namespace, "claim", volumes=[claim])
    gpu = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    start(core, namespace, "gpu", main=gpu)
    start(core, namespace, "image")
    start(
        core,
        namespace,
        "secret",
        volumes=[secret],
        main={"volumeMounts": [{"name": "key", "mountPath": "/key"}]},
    )
    expected = {
        "node-cpu": "Insufficient cpu",
        "node-claim": 'persistentvolumeclaim "nobodys" not found',
        "node-gpu": "Insufficient nvidia.com/gpu",
        "node-image": "ull",  # ErrImagePull, then ImagePullBackOff
        "node-secret": 'secret "nobodys" not found',
    }

    found: dict[str, str] = {}
    end = time.monotonic() + 90
    while time.monotonic() < end:
        found = dict(ClusterState(namespace).reasons(RUN))
        if all(text in found.get(node, "") for node, text in expected.items()):
            return
        time.sleep(2)
    pytest.fail(f"the cluster says {found}")
