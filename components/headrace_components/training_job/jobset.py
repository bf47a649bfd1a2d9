"""The JobSet of a task: one pod per machine, with names that the pods can look up.

Source: https://jobset.sigs.k8s.io/docs/reference/jobset.v1alpha2
"""

import json
import os
from typing import Any

from headrace_components.contract.machines import HOSTS_VARIABLE
from headrace_components.training_job.jobset_api import JobSetApi

EXECUTOR_INPUT = "HEADRACE_EXECUTOR_INPUT"
"""The placeholder for the task's message in the arguments of a pod's container."""

_TASK_LABEL = "headrace.dev/task"
_JOBSET_LABEL = "jobset.sigs.k8s.io/jobset-name"
_JOB = "worker"
_PORT = 2222

Object = dict[str, Any]


def name_of(digest: str) -> str:
    """Returns the name of a task's JobSet, which is different in each attempt.

    Args:
        digest: 16 hexadecimal digits that identify the task.
    """
    attempt = os.environ.get("KFP_POD_UID", "")[:8]
    return f"train-{digest}{'-' if attempt else ''}{attempt}"


def start(
    cluster: JobSetApi, name: str, pod: Object, workers: int, message: Object, digest: str
) -> None:
    """Creates a JobSet, after deleting the one of an earlier attempt.

    Args:
        cluster: The cluster.
        name: Its name.
        pod: Metadata and spec of a pod with one container.
        workers: Number of pods, 2 or more.
        message: The task's `ExecutorInput` for the pods.
        digest: It identifies the task, and is the same in a retry.
    """
    for left in cluster.jobsets(f"{_TASK_LABEL}={digest}"):
        cluster.delete(left["metadata"]["name"])
    cluster.create(_manifest(name, pod, workers, message, digest))


def _manifest(name: str, pod: Object, workers: int, message: Object, digest: str) -> Object:
    # https://jobset.sigs.k8s.io/docs/tasks: <JobSet>-<job>-<number of the job>-<number of the pod>
    hosts = ",".join(f"{name}-{_JOB}-0-{index}.{name}:{_PORT}" for index in range(workers))
    # Kubernetes replaces $(NAME) in arguments, and reads $$ as $.
    text = json.dumps(message).replace("$", "$$")
    (container,) = pod["spec"]["containers"]
    variables = [*container.get("env", []), {"name": HOSTS_VARIABLE, "value": hosts}]
    filled = {
        **container,
        "args": [text if each == EXECUTOR_INPUT else each for each in container["args"]],
        "env": variables,
    }
    metadata: Object = {"name": name, "labels": {_TASK_LABEL: digest}}
    if os.environ.get("KFP_POD_NAME") and os.environ.get("KFP_POD_UID"):
        # The JobSet is deleted with this pod, however it ends.
        owner = {"name": os.environ["KFP_POD_NAME"], "uid": os.environ["KFP_POD_UID"]}
        metadata["ownerReferences"] = [{"apiVersion": "v1", "kind": "Pod", **owner}]
    job = {
        "completionMode": "Indexed",
        "completions": workers,
        "parallelism": workers,
        "backoffLimit": 0,
        "template": {**pod, "spec": {**pod["spec"], "containers": [filled]}},
    }
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": metadata,
        "spec": {
            "network": {"enableDNSHostnames": True, "subdomain": name},
            # If one pod is lost, the others cannot continue: the whole task is tried again.
            "failurePolicy": {"maxRestarts": 0},
            "replicatedJobs": [{"name": _JOB, "replicas": 1, "template": {"spec": job}}],
        },
    }


def state(cluster: JobSetApi, name: str) -> str:
    """Returns "Completed", "Failed", or an empty string while the pods run."""
    conditions = cluster.jobset(name).get("status", {}).get("conditions", [])
    ended = [each["type"] for each in conditions if each["status"] == "True"]
    return next((each for each in ended if each in ("Completed", "Failed")), "")


def pods(cluster: JobSetApi, name: str) -> list[Object]:
    """Returns the pods of a JobSet."""
    return cluster.pods(f"{_JOBSET_LABEL}={name}")


def described(found: list[Object], workers: int) -> str:
    """Returns one line with the number of running pods, and the reasons why others wait."""
    running = [each for each in found if each["status"].get("phase") in ("Running", "Succeeded")]
    waiting = sorted({reason for each in found if (reason := _waits_for(each))})
    names = ", ".join(sorted(each["metadata"]["name"] for each in running))
    line = f"{len(running)} of {workers} pods run" + (f" ({names})" if names else "")
    return line + (f"; the others wait: {'; '.join(waiting)}" if waiting else "")


def _waits_for(pod: Object) -> str:
    status = pod["status"]
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']} ({waiting.get('message', '')})"
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason") or "not scheduled")
    return ""


def first_failed(found: list[Object]) -> Object | None:
    """Returns the pod that failed first; the others may have failed because of it."""
    failed = [(_terminated(each).get("finishedAt") or "", each) for each in found if _failed(each)]
    return min(failed, key=lambda each: each[0])[1] if failed else None


def ending(pod: Object) -> str:
    """Returns why the container of a failed pod ended, such as "exit code 137 (OOMKilled)"."""
    terminated = _terminated(pod)
    reason = terminated.get("reason") or pod["status"].get("reason") or "Error"
    return f"exit code {terminated.get('exitCode', 'unknown')} ({reason})"


def _failed(pod: Object) -> bool:
    return pod["status"].get("phase") == "Failed" or bool(_terminated(pod).get("exitCode"))


def _terminated(pod: Object) -> Object:
    for container in pod["status"].get("containerStatuses") or []:
        found: Object = (container.get("state") or {}).get("terminated") or {}
        if found:
            return found
    return {}
