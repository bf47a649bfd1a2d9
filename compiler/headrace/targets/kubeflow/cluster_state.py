"""Asks the cluster itself why pods of a run do not start, or how they ended.

The API of Kubeflow Pipelines does not give the reason. Pods, events and Argo's workflow do, if the
account may read them; otherwise this module returns nothing.
"""

import base64
import gzip
import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

_SECONDS = 5
# Asked again at most so often.
_FRESH_SECONDS = 10.0

# Label that Kubeflow gives to workflows and pods, and annotation that Argo gives to pods.
_RUN_LABEL = "pipeline/runid"
_NODE_ANNOTATION = "workflows.argoproj.io/node-id"
_WORKFLOWS = {"group": "argoproj.io", "version": "v1alpha1", "plural": "workflows"}
_MOST_EVENTS = 500

# Argo's message for a node whose attempts have the reasons.
_NO_REASON = "No more retries left"

# Reasons of a waiting container that are not a problem.
_USUAL = frozenset({"", "ContainerCreating", "PodInitializing"})


class ClusterState:
    """The cluster's information on the pods of runs, as far as this account may read it.

    Args:
        namespace: Where the pods are.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._api: Any = None
        self._is_silent = False
        self._answers: dict[str, tuple[float, dict[str, str]]] = {}

    def reasons(self, run_id: str) -> Mapping[str, str]:
        """Returns why pods of a run wait or how they ended, by Argo's ids of them.

        A reason for the run as a whole has the empty id.
        """
        when, reasons = self._answers.get(run_id, (-_FRESH_SECONDS, {}))
        if time.monotonic() - when >= _FRESH_SECONDS:
            reasons = self._ask(run_id)
            self._answers[run_id] = (time.monotonic(), reasons)
        return reasons

    def _ask(self, run_id: str) -> dict[str, str]:
        reasons: dict[str, str] = {}
        names: dict[str, str] = {}  # of pods and of the workflow, with ids of nodes
        for workflow in self._listed("workflows", label_selector=f"{_RUN_LABEL}={run_id}"):
            names[workflow["metadata"]["name"]] = ""
            reasons |= _of_workflow(workflow)
        pods = list(self._listed("pods", label_selector=f"{_RUN_LABEL}={run_id}"))
        for pod in pods:
            annotations = pod["metadata"].get("annotations") or {}
            names[pod["metadata"]["name"]] = annotations.get(_NODE_ANNOTATION, "")
        if names:
            events = self._listed("events", field_selector="type=Warning", limit=_MOST_EVENTS)
            for event in sorted(events, key=_time_of):
                name = event["involvedObject"].get("name", "")
                message = _without_breaks(event.get("message") or "")
                if name in names and message and not message.endswith(_NO_REASON):
                    reasons[names[name]] = message
        for pod in pods:
            if reason := _of_pod(pod):
                reasons[names[pod["metadata"]["name"]]] = reason
        return reasons

    def _listed(self, kind: str, **options: Any) -> Iterator[dict[str, Any]]:
        """Yields objects in the API's form; none if this account may not read them."""
        from kubernetes import client
        from urllib3.exceptions import HTTPError

        core = self._connected()
        if core is None:
            return
        try:
            if kind == "workflows":
                custom = client.CustomObjectsApi(core.api_client)
                found = custom.list_namespaced_custom_object(
                    namespace=self._namespace, _request_timeout=_SECONDS, **_WORKFLOWS, **options
                )
            else:
                ask = core.list_namespaced_pod if kind == "pods" else core.list_namespaced_event
                answer = ask(
                    self._namespace,
                    _request_timeout=_SECONDS,
                    _preload_content=False,
                    **options,
                )
                found = json.loads(answer.data)
        except client.ApiException:
            return
        except (HTTPError, ValueError):
            self._is_silent = True
            return
        yield from found.get("items") or []

    def _connected(self) -> Any:
        if self._api is None and not self._is_silent:
            from kubernetes import client, config

            configuration = client.Configuration()
            # Each answer that is late would be waited for again.
            configuration.retries = False
            try:
                if "KUBERNETES_SERVICE_HOST" in os.environ:
                    config.load_incluster_config(client_configuration=configuration)
                else:
                    config.load_kube_config(
                        config_file=os.environ.get("KUBECONFIG"),
                        client_configuration=configuration,
                    )
            except (config.ConfigException, OSError):
                self._is_silent = True
            else:
                self._api = client.CoreV1Api(client.ApiClient(configuration))
        return None if self._is_silent else self._api


def _of_workflow(workflow: Mapping[str, Any]) -> dict[str, str]:
    """Returns the messages of a workflow's nodes by their ids, and its own."""
    status = workflow.get("status") or {}
    nodes = status.get("nodes") or {}
    if packed := status.get("compressedNodes"):
        nodes = json.loads(gzip.decompress(base64.b64decode(packed)))
    messages = {id_: _without_breaks(node.get("message") or "") for id_, node in nodes.items()}
    found = {id_: message for id_, message in messages.items() if message not in ("", _NO_REASON)}
    if status.get("message"):
        found[""] = _without_breaks(status["message"])
    return found


def _of_pod(pod: Mapping[str, Any]) -> str:
    """Returns why a pod does not start, or how its main container ended; else nothing."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return _without_breaks(condition.get("message") or condition.get("reason") or "")
    containers = [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]
    for container in containers:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason", "") not in _USUAL:
            message = waiting.get("message") or ""
            return _without_breaks(
                f"{waiting['reason']}: {message}" if message else waiting["reason"]
            )
    for container in containers:
        ended = (container.get("state") or {}).get("terminated") or {}
        if ended.get("reason") == "OOMKilled":
            return f"{container['name']}: OOMKilled (exit code {ended.get('exitCode', 137)})"
    return ""


def _time_of(event: Mapping[str, Any]) -> str:
    return str(
        event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )


def _without_breaks(text: str) -> str:
    return " ".join(text.split())[:500]
