"""Checks whether an applied version is ready, and finds out why not.

The reasons of single pods are in `pods`.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace_components.contract.errors import ComponentError, InputError, PlatformError
from headrace_components.kubernetes_pusher.manifests import (
    DEPLOYMENT,
    LOCATION_ANNOTATION,
    POD,
    PUSH_LABEL,
    VERSION_ANNOTATION,
    push_of,
)
from headrace_components.kubernetes_pusher.pods import (
    Object,
    condition,
    crashes,
    is_not_started,
    is_true,
    joined,
    troubles,
)
from headrace_components.kubernetes_pusher.serving_cluster import ServingCluster, ServingKind

# A watch may end without an event, and it does not report when pods become ready.
_WATCH_SECONDS = 10
_PROGRESS_SECONDS = 30

# KServe's words for a model that cannot be loaded.
_INVALID = "InvalidSpec"
_FAILED = ("BlockedByFailedLoad", _INVALID)

# A transient failure must last this long before it counts.
_FAILURE_SECONDS = 60

# Problems for an operator, not for the author.
_UNSCHEDULABLE = "Unschedulable"


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutState:
    """The progress of a rollout.

    Attributes:
        waits_for: What is still missing; empty when it is done.
        failure: The reason why it failed; empty while it may succeed.
        may_pass: Whether the failure may be temporary, for example a download that is tried again.
    """

    waits_for: str = ""
    failure: str = ""
    may_pass: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """A change to watch.

    Attributes:
        kind: A Deployment or an InferenceService.
        name: Its name.
        before: The object before the change, or None if there was none.
        generation: That of the object with the change.
        push: The label of the pods that are to come up.
    """

    kind: ServingKind
    name: str
    before: Object | None
    generation: int
    push: str


class SupersededError(InputError):
    """Another push has changed the object: it does not serve the model of this push."""


def wait(cluster: ServingCluster, rollout: Rollout, timeout_seconds: int) -> Object:
    """Watches an object until its rollout is done, and returns it.

    Raises:
        SupersededError: Another push has changed the object.
        InputError: It failed because of the model, the image or something else in a parameter.
        PlatformError: The cluster has no room, or it is not done in time.
    """
    start = noticed = time.monotonic()
    restarts: dict[str, int] = {}
    failed = float("inf")
    shown = ""
    while True:
        for found in cluster.watch(rollout.kind, rollout.name, _WATCH_SECONDS):
            if _generation(found) < rollout.generation:
                continue  # from before the change
            _check_ours(rollout, found)
            state = _state(rollout, found, _pods(cluster, rollout), restarts)
            now = time.monotonic()
            if not state.failure and not state.waits_for:
                # Check again: report the version that is served when the task ends.
                _check_ours(rollout, cluster.find(rollout.kind, rollout.name) or {})
                return found
            failed = min(failed, now) if state.failure else float("inf")
            if state.failure and (not state.may_pass or now - failed >= _FAILURE_SECONDS):
                raise _failure(cluster, rollout, state.failure)
            if _in_words(state) != shown or now - noticed > _PROGRESS_SECONDS:
                shown, noticed = _in_words(state), now
                logging.info("kubernetes_pusher: %s waits for %s.", rollout.name, shown)
            if now - start > timeout_seconds:
                break
        if time.monotonic() - start > timeout_seconds:
            late = f"after `timeout_seconds`, {timeout_seconds} s, it waits for "
            raise _failure(cluster, rollout, f"{late}{shown or 'the API server'}")


def _check_ours(rollout: Rollout, found: Object) -> None:
    """Raises an error if the object's pods are not those of this push: the last change wins."""
    if push_of(found) == rollout.push:
        return
    annotations = found.get("metadata", {}).get("annotations", {})
    version = annotations.get(VERSION_ANNOTATION, "unknown")
    location = annotations.get(LOCATION_ANNOTATION, "somewhere else")
    raise SupersededError(
        f"another push changed the {rollout.kind.kind} {rollout.name} before "
        f"this one's model was served: now it is version {version}, at {location}. Let one "
        "pipeline at a time push to a name, or give each its own `name`."
    )


def _in_words(state: RolloutState) -> str:
    return state.waits_for or f"{state.failure} to pass"


def _state(
    rollout: Rollout, found: Object, pods: Sequence[Object], restarts: dict[str, int]
) -> RolloutState:
    if crashes(pods, restarts):
        return RolloutState(failure="its server crashes again and again")
    if is_not_started(pods):
        return RolloutState(failure="its pods cannot be started", may_pass=True)
    if rollout.kind is DEPLOYMENT:
        return deployment_state(found, pods)
    return inference_service_state(found, rollout.before, pods)


def _pods(cluster: ServingCluster, rollout: Rollout) -> list[dict[str, Any]]:
    return cluster.labelled(POD, f"{PUSH_LABEL}={rollout.push}")


def deployment_state(found: Object, pods: Sequence[Object]) -> RolloutState:
    """Judges a Deployment by the rules of `kubectl rollout status`.

    These conditions name the old replicas first, which remain until a new one is ready. Here the
    problem of a new replica is more important.

    Args:
        found: The Deployment.
        pods: Those of the push.
    """
    status = found.get("status", {})
    if status.get("observedGeneration", 0) < _generation(found):
        return RolloutState(waits_for="the controller to see the change")
    progressing = condition(status, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return RolloutState(failure=progressing.get("message", "it exceeded its progress deadline"))
    wanted = found["spec"].get("replicas", 1)
    updated = status.get("updatedReplicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return RolloutState(waits_for=f"{wanted - updated} of {wanted} new replicas to be made")
    ready = sum(is_true(pod.get("status", {}), "Ready") for pod in pods)
    if ready < updated:
        why = next(iter(troubles(pods)), "")
        words = f"{updated - ready} of {updated} new replicas to be ready"
        return RolloutState(waits_for=f"{words} ({why})" if why else words)
    if status.get("replicas", 0) > updated:
        return RolloutState(waits_for=f"{status['replicas'] - updated} old replicas to end")
    if available < updated:
        return RolloutState(
            waits_for=f"{updated - available} of {updated} new replicas to be available"
        )
    return RolloutState()


def inference_service_state(
    found: Object, before: Object | None, pods: Sequence[Object]
) -> RolloutState:
    """Judges an InferenceService.

    Until the controller has seen a change, the status is that of the version before, and nothing in
    it shows this: `observedGeneration` belongs to another object. So after a change, one of the
    push's own pods must have been ready, and a failure must not be the old one.

    Args:
        found: The object.
        before: The object before the change, or None if there was none.
        pods: The pods of the push.
    """
    status = found.get("status", {})
    model = _model_status(found)
    transition = model.get("transitionStatus", "")
    revisions = status.get("components", {}).get("predictor", {})
    has_changed = before is None or before["metadata"]["generation"] != _generation(found)
    if transition in _FAILED:
        info = model.get("lastFailureInfo", {})
        reason = joined((transition, info.get("reason"), info.get("message")))
        if (
            has_changed
            and before is not None
            and model == before.get("status", {}).get("modelStatus")
        ):
            return RolloutState(waits_for=f"another status of its model than {reason}")
        return RolloutState(failure=reason, may_pass=transition != _INVALID)
    if has_changed and not any(is_true(pod.get("status", {}), "Ready") for pod in pods):
        return RolloutState(waits_for="a pod of this version to be ready")
    if revisions.get("latestCreatedRevision") != revisions.get("latestReadyRevision"):
        return RolloutState(
            waits_for=f"revision {revisions.get('latestCreatedRevision')} to be ready"
        )
    if not is_true(status, "Ready") or transition == "InProgress":
        ready = condition(status, "Ready")
        reason = ready.get("message") or ready.get("reason") or transition
        return RolloutState(waits_for=f"its condition Ready{f' ({reason})' if reason else ''}")
    return RolloutState()


def _model_status(found: Object) -> Object:
    status: Object = found.get("status", {}).get("modelStatus", {})
    return status


def _generation(found: Object) -> int:
    return int(found["metadata"]["generation"])


def _failure(cluster: ServingCluster, rollout: Rollout, reason: str) -> ComponentError:
    found = troubles(_pods(cluster, rollout))
    pods = f" Pods: {'; '.join(found)}." if found else ""
    message = f"{rollout.kind.kind} {rollout.name} did not come up: {reason.rstrip('.')}.{pods} "
    is_known = bool(found) or reason.startswith(_FAILED)
    if not is_known or any(_UNSCHEDULABLE in trouble for trouble in found):
        return PlatformError(
            f"{message}Make room in the cluster, or look at `kubectl describe pods -l "
            f"{PUSH_LABEL}={rollout.push}`; then run the task again."
        )
    return InputError(f"{message}Correct the image, the model or what else they name.")
