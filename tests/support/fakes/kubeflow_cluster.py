"""A Kubernetes API server with workflows, pods and events, on this machine.

The messages are from Kubernetes 1.34 and Argo Workflows 4, for runs like those in
tests/fixtures/kubeflow_runs.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.fakes.kubernetes_api import write_kubeconfig
from support.fakes.local_http import JsonHandler, serving

_PATH = re.compile(r"/(?:api/v1|apis/argoproj\.io/v1alpha1)/namespaces/(\w+)/(\w+)")


@dataclass
class Cluster:
    """The contents of the namespace `kubeflow`.

    Attributes:
        kubeconfig: File that names the cluster.
        run_id: The run that all of it belongs to.
        workflows: Objects of Argo.
        pods: Pods.
        events: Events.
        forbidden: Resources that this account may not list.
        asked: The resources that were listed, in order.
    """

    kubeconfig: Path
    run_id: str = ""
    workflows: list[dict[str, Any]] = field(default_factory=list)
    pods: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def add_pod(self, name: str, node: str, **status: Any) -> None:
        """Adds the pod of a node of the run."""
        annotations = {"workflows.argoproj.io/node-id": node}
        self.pods.append({"metadata": {"name": name, "annotations": annotations}, "status": status})

    def add_event(self, name: str, message: str, time: str) -> None:
        """Adds a warning about a pod or a workflow."""
        self.events.append(
            {
                "metadata": {"name": f"{name}.{len(self.events)}"},
                "involvedObject": {"name": name},
                "type": "Warning",
                "message": message,
                "lastTimestamp": time,
            }
        )

    def add_workflow(self, name: str, **status: Any) -> None:
        """Adds the workflow of the run."""
        self.workflows.append({"metadata": {"name": name}, "status": status})


class _Handler(JsonHandler):
    cluster: Cluster

    def do_GET(self) -> None:  # noqa: N802  http.server's name
        parts = urlsplit(self.path)
        path = _PATH.fullmatch(parts.path)
        kind = path[2] if path else ""
        query = parse_qs(parts.query)
        self.cluster.asked.append(kind)
        if kind in self.cluster.forbidden:
            self.answer(403, {"kind": "Status", "message": f"{kind} is forbidden"})
            return
        items = getattr(self.cluster, kind) if path and path[1] == "kubeflow" else []
        if kind == "events":
            assert query["fieldSelector"] == ["type=Warning"]
        elif query["labelSelector"] != [f"pipeline/runid={self.cluster.run_id}"]:
            items = []
        self.answer(200, {"items": items})


@contextlib.contextmanager
def kubeflow_cluster(folder: Path) -> Iterator[Cluster]:
    """Serves a cluster on a free port, with a kubeconfig file for it in `folder`."""
    cluster = Cluster(kubeconfig=folder / "kubeconfig")
    with serving(type("Handler", (_Handler,), {"cluster": cluster})) as port:
        write_kubeconfig(cluster.kubeconfig, f"http://127.0.0.1:{port}")
        yield cluster
