"""Explains why tasks failed, wait or were tried again, from logs and the state of the cluster."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.compilation.passes.beam import PARAMETER
from headrace.contract.service import LONG_WAIT_SECONDS, ContactLostError, ServiceTask
from headrace.ir import specs
from headrace.targets.kubeflow.cluster_state import ClusterState
from headrace.targets.kubeflow.failures import (
    has_end,
    reason_of_driver,
    reason_of_pod,
    reason_of_task,
)
from headrace.targets.kubeflow.nodes import Workflow
from headrace.targets.kubeflow.pod_logs import PodLogs
from headrace.targets.kubeflow.tasks import Started
from headrace_components.contract.declaration import find
from headrace_components.contract.errors import PlatformError
from headrace_components.contract.notices import notices_in

_NO_LOG = (
    "Its log cannot be read any more: its pod is gone, and Argo keeps no logs. It is the artifact "
    "`executor-logs`, on the run's page and at the URI that `headrace lineage run {} --target "
    "kubeflow` prints."
)


class Explainer:
    """Explains tasks of an installation's runs.

    Args:
        logs: Reads their logs.
        cluster: The source of information from the cluster.
        namespace: Where their pods are, for messages.
    """

    def __init__(self, logs: PodLogs, cluster: ClusterState, namespace: str) -> None:
        self._logs = logs
        self._cluster = cluster
        self._namespace = namespace
        self._texts: dict[str, str | None] = {}
        self._refusal = ""

    def task(self, run_id: str, started: Started, spec: Mapping[str, Any]) -> ServiceTask:
        """Returns a task with its notices, or why it failed, waits or was tried again."""
        task = started.task
        name = started.node.headrace_name
        has_started = task.state == "running" and not (started.is_driver or task.pending_seconds)
        declared = find(name)
        # A component with a job of Beam elsewhere logs notices of it, also while it runs.
        if (task.state == "done" and declared is not None and declared.logs_notices) or (
            (task.state == "done" or has_started) and _has_job_elsewhere(started.node)
        ):
            text = self._log(run_id, started, spec) or ""
            task = dataclasses.replace(
                task, notices=tuple(notices_in(text.splitlines(), str(name)))
            )
        if task.state == "failed" and not task.message:
            message = self._failure(run_id, started, spec)
        elif task.pending_seconds >= LONG_WAIT_SECONDS:
            # Some pods from the same moment run, perhaps this one.
            if not started.is_pending_for_sure and self._log(run_id, started, spec) is not None:
                return dataclasses.replace(task, pending_seconds=0.0)
            message = self._wait(run_id, started)
        elif task.state == "running" and len(started.pods) > 1 and not started.is_driver:
            message = self._second_try(run_id, started, spec)
        else:
            return task
        return dataclasses.replace(task, message=message)

    def run(self, found: Any, tasks: Sequence[ServiceTask]) -> str:
        """Returns why a run, a `V2beta1Run`, failed, if none of its tasks has the reason."""
        if any(task.state == "failed" for task in tasks) or found.error:
            return ""
        reasons = self._cluster.reasons(found.run_id)
        details = (found.run_details.task_details if found.run_details else None) or []
        drivers = Workflow(details).root_drivers
        reason = next((reasons[each] for each in (*reversed(drivers), "") if each in reasons), "")
        if any(task.state in ("done", "cached", "cancelled") for task in tasks):
            when = "It failed, and none of its tasks has the reason."
            return f"{when} Kubernetes says: {reason}" if reason else when
        when = "It failed before its first task"
        with contextlib.suppress(PlatformError):  # this account may not read logs
            for pod in reversed(drivers):
                text = self._logs.of_pod(found.run_id, pod, "system-dag-driver")
                if text is not None and has_end(text):
                    return f"{when}. {reason_of_driver(text)}"
        if reason:
            return f"{when}. Kubernetes says: {reason}"
        account = found.service_account or "the default one"
        return (
            f"{when}, and it had no pod whose log could say why. Most often its service account is "
            f"not there: {account!r} in namespace {self._namespace!r} (`service_account` in "
            "[kubeflow]). To see the reason: "
            f"kubectl -n {self._namespace} describe workflow -l pipeline/runid={found.run_id}"
        )

    def _failure(self, run_id: str, started: Started, spec: Mapping[str, Any]) -> str:
        text = self._log(run_id, started, spec)
        if text is not None and started.is_driver:
            return reason_of_driver(text)
        if text is not None and has_end(text):
            return reason_of_task(text)
        reason = self._cluster.reasons(run_id).get(started.pods[-1] if started.pods else "", "")
        if reason:
            return reason_of_pod(reason)
        if text is None and self._refusal:
            return f"Its log cannot be read: {self._refusal}"
        return _NO_LOG.format(run_id) if text is None else reason_of_task(text)

    def _wait(self, run_id: str, started: Started) -> str:
        reason = self._cluster.reasons(run_id).get(started.pods[-1], "")
        pod = "its driver's pod" if started.is_driver else "its pod"
        if reason:
            return f"{pod} has not started: {reason}"
        return (
            f"{pod} has not started, and this account may not read why. The usual reasons: more "
            "cpu, memory or GPUs than a node has free, an image that cannot be pulled, a claim or "
            "a secret that is not there, or a quota that is used up. To see it: "
            f"kubectl -n {self._namespace} get events --sort-by .lastTimestamp"
        )

    def _second_try(self, run_id: str, started: Started, spec: Mapping[str, Any]) -> str:
        number = len(started.pods)
        before = dataclasses.replace(started, pods=started.pods[:-1])
        text = self._log(run_id, before, spec)
        reason = self._cluster.reasons(run_id).get(before.pods[-1], "")
        if text is not None and has_end(text):
            why = reason_of_task(text).splitlines()[0]
        else:
            why = reason_of_pod(reason) if reason else "Its pod was deleted, or lost its node."
        return f"attempt {number}. The one before failed: {why}"

    def _log(self, run_id: str, started: Started, spec: Mapping[str, Any]) -> str | None:
        """Returns the log of a task's latest pod, or None if it cannot be read."""
        pod = started.pods[-1] if started.pods else ""
        if pod in self._texts:
            return self._texts[pod]
        try:
            text = self._logs.of(run_id, started, spec)
        except ContactLostError:
            raise
        except PlatformError as error:  # this account may not read logs
            self._refusal = str(error)
            return None
        if started.task.state == "done" or (text is not None and has_end(text)):
            self._texts[pod] = text
        return text


def _has_job_elsewhere(node: specs.TaskNode) -> bool:
    """Returns whether a task's inputs allow it to run its rows in a job on Beam."""
    inputs = node.task.get("inputs", {}).get("parameters", {})
    given = inputs.get(PARAMETER, {})
    if "runtimeValue" not in given:
        return bool(given)  # a parameter of the pipeline, which is known to the run alone
    args = str(given["runtimeValue"].get("constant", ""))
    return "--runner" in args and "DirectRunner" not in args
