"""Ports of Services on a real cluster, forwarded like by `headrace submit` without a `host`."""

import time
import urllib.request
from typing import Any

import pytest

from headrace.targets.kubeflow.port_forward import Purpose, forwarded
from headrace_components.contract.errors import InputError, PlatformError
from support.programs.cluster_kubectl import Namespace

_PURPOSE = Purpose(because="a test asks for it", otherwise="the URL of the API as `host`")
_SERVE = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")
http.server.ThreadingHTTPServer(("", 8887), Handler).serve_forever()
"""


def service(namespace: Namespace, name: str, selector: dict[str, str] | None) -> dict[str, Any]:
    spec: dict[str, Any] = {"ports": [{"port": 8888, "targetPort": "api"}]}
    if selector:
        spec["selector"] = selector
    metadata = {"name": name, "namespace": namespace.name}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def api(namespace: Namespace, image: str) -> Namespace:
    """A namespace with a pod that answers, and Services with and without this pod."""
    container = {
        "name": "main",
        "image": image,
        "command": ["python", "-c", _SERVE],
        "ports": [{"name": "api", "containerPort": 8887}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "api"}},
    }
    metadata = {"name": "api", "namespace": namespace.name, "labels": {"app": "api"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container]},
    }
    namespace.apply(
        [
            pod,
            service(namespace, "ml-pipeline", {"app": "api"}),
            service(namespace, "nobody", {"app": "none"}),
            service(namespace, "elsewhere", None),
        ]
    )
    namespace.kubectl("wait", "pod/api", "--for=condition=Ready", "--timeout=300s")
    return namespace


def ask(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
        found: bytes = answer.read()
        return found


def test_a_service_is_reached_by_a_named_port_of_its_pod(api: Namespace) -> None:
    port, namespace = forwarded("ml-pipeline", 8888, ("none-such", api.name), _PURPOSE)

    assert namespace == api.name
    assert [ask(port) for _ in range(3)] == [b"here"] * 3


def test_a_pod_that_is_replaced_costs_the_connections_it_had(api: Namespace) -> None:
    port, _ = forwarded("ml-pipeline", 8888, (api.name,), _PURPOSE)
    pod = api.get("pod", "api")
    api.kubectl("delete", "pod", "api", "--grace-period=1")
    kept = {key: pod["metadata"][key] for key in ("name", "namespace", "labels")}
    spec = {key: pod["spec"][key] for key in ("containers",)}
    for container in spec["containers"]:
        container.pop("volumeMounts", None)  # the token of the connection before
    api.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": spec}])
    api.kubectl("wait", "pod/api", "--for=condition=Ready", "--timeout=300s")

    end = time.monotonic() + 60
    while True:
        try:
            assert ask(port) == b"here"
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", r"no pod of service 'nobody' in namespace .* runs"),
        ("elsewhere", r"'elsewhere'"),
        ("none", r"there is no service 'none' in namespace"),
    ],
)
def test_a_service_that_leads_nowhere_is_explained(api: Namespace, name: str, message: str) -> None:
    with pytest.raises((InputError, PlatformError), match=message):
        forwarded(name, 8888, (api.name,), _PURPOSE)
