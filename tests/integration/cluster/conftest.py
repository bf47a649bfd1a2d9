"""Tests on a real Kubernetes, the cluster of the kubeconfig; they run with HEADRACE_CLUSTER=1.

Each module has its own namespace there, which is removed at the end. Tests that run pods also need
an image: HEADRACE_CLUSTER_REGISTRY names a registry, such as `registry.example.com:5000`, that
podman and the cluster reach by the same name.
"""

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.oracles.kubernetes_manifests import MANIFESTS
from support.programs.cluster_kubectl import Namespace, kubectl

ROOT = MANIFESTS.parent
_IMAGE = "localhost/headrace/kubernetes_pusher:dev"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("HEADRACE_CLUSTER"):
        return
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="it takes a cluster: HEADRACE_CLUSTER=1"))


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    found = Namespace(name=f"headrace-test-{uuid.uuid4().hex[:8]}")
    kubectl("create", "namespace", found.name)
    try:
        _wait_for_account(found)
        yield found
    finally:
        kubectl("delete", "namespace", found.name, "--wait=false")


def _wait_for_account(namespace: Namespace) -> None:
    end = time.monotonic() + 60
    while "default" not in namespace.kubectl("get", "serviceaccounts", "--output", "name"):
        assert time.monotonic() < end, "the cluster makes no service accounts"
        time.sleep(0.5)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of kubernetes_pusher with the current code, and a model server for tests."""
    registry = os.environ.get("HEADRACE_CLUSTER_REGISTRY")
    if not registry:
        pytest.skip("it takes an image: HEADRACE_CLUSTER_REGISTRY=host:port")
    if subprocess.run(["podman", "image", "exists", _IMAGE], check=False).returncode != 0:
        pytest.skip("`headrace images build kubernetes_pusher --engine podman` has not run")
    folder = tmp_path_factory.mktemp("image")
    (folder / "Containerfile").write_text(
        f"FROM {_IMAGE}\n"
        "COPY components/headrace_components /code/headrace_components\n"
        "COPY --chmod=755 tests/integration/cluster/model_server.py "
        "/usr/bin/tensorflow_model_server\n"
        "ENV PYTHONPATH=/code\n"
    )
    # A new name each time: an image with the same tag is not pulled again.
    name = f"{registry}/headrace-test:{uuid.uuid4().hex[:12]}"
    plain = ["--tls-verify=false"]
    build = ["podman", "build", *plain, "--isolation", "chroot", "--network", "host", "--tag", name]
    subprocess.run([*build, "--file", str(folder / "Containerfile"), str(ROOT)], check=True)
    subprocess.run(["podman", "push", *plain, name], check=True)
    subprocess.run(["podman", "rmi", name], check=False)
    return name
