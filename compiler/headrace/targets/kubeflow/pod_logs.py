"""Reads the logs of tasks' pods, with the rights of Kubeflow's API server."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.targets.kubeflow import pipelines_api
from headrace.targets.kubeflow.connection import Address
from headrace.targets.kubeflow.tasks import Started


class PodLogs:
    """The logs of an installation's pods.

    Args:
        kfp: The installation's client.
        address: Where it is.
    """

    def __init__(self, kfp: Any, address: Address) -> None:
        self._kfp = kfp
        self._address = address

    def of(self, run_id: str, started: Started, spec: Mapping[str, Any]) -> str | None:
        """Returns the output of the latest pod of a task, or None if it cannot be read.

        Args:
            run_id: The run.
            started: The task.
            spec: Its pipeline in the API's form, with Kubernetes settings if there are any.

        Raises:
            PlatformError: The service cannot be reached, or this account may not read logs.
        """
        if not started.pods:
            return None
        return self.of_pod(run_id, started.pods[-1], _template(started, spec))

    def of_pod(self, run_id: str, pod: str, template: str) -> str | None:
        """Returns the output of a pod, or None.

        Args:
            run_id: Its run.
            pod: Argo's id of it.
            template: Name of the Argo template of the pod.
        """
        for path in self._paths(run_id, pod, template):
            text = pipelines_api.get_text(self._kfp, self._address, path)
            if text is not None:
                return text
        # If Argo keeps logs, they still exist when the pods are gone.
        kept = pipelines_api.get_text(
            self._kfp,
            self._address,
            f"/apis/v2beta1/runs/{run_id}/nodes/{pod}/artifacts/main-logs:read",
        )
        return None if kept is None else _decoded(kept)

    def _paths(self, run_id: str, pod: str, template: str) -> Iterator[str]:
        # Since Argo 3.4 the name of a pod contains the name of its template, but its id does not.
        # The name of older pods is their id.
        workflow, _, number = pod.rpartition("-")
        for name in (f"{workflow}-{template}-{number}", pod):
            yield f"/apis/v1alpha1/runs/{run_id}/nodes/{name}/log"


def _template(started: Started, spec: Mapping[str, Any]) -> str:
    """Returns the name of the Argo template of a task's pod.

    Source: `addContainerExecutorTemplate` in backend/src/v2/compiler/argocompiler/container.go of
    kubeflow/pipelines.
    """
    node = started.node
    if started.is_driver:
        return "system-container-driver" if node.executor else "system-dag-driver"
    if not node.container:
        return "system-importer"
    name = "system-container-impl"
    if "retryPolicy" in node.task:
        name = f"retry-{name}"
    executors = (
        spec.get("platform_spec", {})
        .get("platforms", {})
        .get("kubernetes", {})
        .get("deploymentSpec", {})
        .get("executors", {})
    )
    given = executors.get(node.component.get("executorLabel"), {}).get("podMetadata")
    if given is not None:
        counts = (len(given.get(each, {})) for each in ("annotations", "labels"))
        name = "-".join(["metadata", *map(str, counts), name])
    return name


def _decoded(kept: str) -> str | None:
    try:
        return base64.b64decode(json.loads(kept)["data"]).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
