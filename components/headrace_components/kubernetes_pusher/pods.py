"""Finds out why the pods of a push are not ready, from their status."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]

# A pod is still starting.
_STARTING = ("ContainerCreating", "PodInitializing")

# A container that Kubernetes tries to start again and again.
# https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/images/types.go
_NOT_STARTED = (
    "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ErrImagePull",
    "ImageInspectError", "ImagePullBackOff", "InvalidImageName", "RunContainerError",
)  # fmt: skip

# The node may cause a first crash. After a second one the cause is in the container.
_CRASHES = 2


def crashes(pods: Iterable[Object], seen: dict[str, int]) -> bool:
    """Returns whether a container ends with an error at every start.

    Args:
        pods: The pods.
        seen: How often each container had been started again when it was first seen: a push without
            a change gives existing pods another chance. It is filled in here.
    """
    found = False
    for where, container in _containers(pods, ("containerStatuses",)):
        restarts = container.get("restartCount", 0)
        since = restarts - seen.setdefault(where, restarts)
        found |= since >= _CRASHES and bool(_ended(container).get("exitCode"))
    return found


def is_not_started(pods: Iterable[Object]) -> bool:
    """Returns whether a container cannot be started at all; the cause may be temporary."""
    return any(
        container.get("state", {}).get("waiting", {}).get("reason") in _NOT_STARTED
        for _, container in _containers(pods)
    )


def troubles(pods: Iterable[Object]) -> list[str]:
    """Returns why pods are not ready, one line per container or pod."""
    found = []
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status", {})
        scheduled = condition(status, "PodScheduled")
        if scheduled.get("status") == "False":
            found.append(joined((name, scheduled.get("reason"), scheduled.get("message"))))
        for where, container in _containers([pod]):
            reason = _container_trouble(container)
            if reason:
                found.append(f"{where}: {reason}")
    return found


def _containers(
    pods: Iterable[Object], keys: Iterable[str] = ("initContainerStatuses", "containerStatuses")
) -> Iterator[tuple[str, Object]]:
    for pod in pods:
        for key in keys:
            for container in pod.get("status", {}).get(key, []):
                yield f"{pod['metadata']['name']}/{container['name']}", container


def _ended(container: Object) -> Object:
    state, last = container.get("state", {}), container.get("lastState", {})
    ended: Object = state.get("terminated") or last.get("terminated") or {}
    return ended


def _container_trouble(container: Object) -> str:
    state, ended = container.get("state", {}), _ended(container)
    waiting = state.get("waiting", {})
    parts = []
    if waiting and waiting.get("reason") not in _STARTING:
        parts = [waiting.get("reason"), waiting.get("message")]
    if ended.get("exitCode"):
        parts += [f"ended with exit code {ended['exitCode']}", ended.get("reason")]
        parts.append(ended.get("message"))
        if container.get("restartCount"):
            parts.append(f"restarted {container['restartCount']} times")
    elif "running" in state and container.get("ready") is False:
        parts.append("runs, and does not answer its readiness probe")
    return joined(parts)


def joined(parts: Iterable[str | None]) -> str:
    """Joins texts into one line without a full stop."""
    return ": ".join(" ".join(part.split()) for part in parts if part).rstrip(".")


def condition(status: Object, kind: str) -> Object:
    """Returns a condition of an object's status, or an empty object if it does not exist."""
    conditions = status.get("conditions", [])
    return next((each for each in conditions if each.get("type") == kind), {})


def is_true(status: Object, kind: str) -> bool:
    """Returns whether an object's status has a condition that is true."""
    return condition(status, kind).get("status") == "True"
