"""Deploys a blessed model to a server on Kubernetes, and waits until it is served.

TensorFlow is neither needed nor in the image.
"""

import errno
import logging
import time
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import ComponentError
from headrace_components.contract.notices import announce
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.kubernetes_pusher import manifests, rollout
from headrace_components.kubernetes_pusher.params import (
    KSERVE,
    TENSORFLOW,
    KubernetesPusherParams,
)
from headrace_components.kubernetes_pusher.pods import Object
from headrace_components.kubernetes_pusher.serving_cluster import ServingCluster
from headrace_components.library.pushing.directories import (
    base_path,
    check_base,
    is_mounted_bucket,
    partial_directory,
)
from headrace_components.library.pushing.source import PushSource, copy_model, push_source, refusal
from headrace_components.library.runs.disk import sync


def execute(task: Task) -> None:
    """Pushes the model if it is blessed; fills `pushed_model` with a copy and its location."""
    params = read(KubernetesPusherParams, task.params, task.component)
    pushed = task.output("pushed_model")
    if refused := refusal(task):
        pushed.metadata.update(refused)
        return
    source = push_source(task)
    base = base_path(params.base_directory)
    check_base(base, params.base_directory)
    cluster = ServingCluster(params.kubeconfig_context, params.namespace)
    kind = manifests.INFERENCE_SERVICE if params.server == KSERVE else manifests.DEPLOYMENT
    before = cluster.find(kind, params.name)
    copy_model(source.path, pushed.path)
    folder, version = _place(source, base, is_versioned=params.model_format == TENSORFLOW)
    location = f"{params.location}/{folder}"
    served = _roll_out(cluster, params, before, location, version)
    announce("kubernetes_pusher: %s %s serves %s.", kind.kind, params.name, location)
    pushed.metadata.update(
        pushed=1,
        pushed_destination=location,
        pushed_version=version,
        url=_url(cluster, params, served),
    )


def _place(source: PushSource, base: Path, *, is_versioned: bool) -> tuple[str, str]:
    """Copies the model into a directory named after its contents, unless it is there.

    Nothing else is ever written to that directory. So a server that reads it serves this model,
    also after a restart, and a task that runs again finds its earlier copy.

    Args:
        source: The model.
        base: The directory of all models.
        is_versioned: Whether the server expects the files in a directory named by a version number,
            like TensorFlow Serving.

    Returns:
        Name of the directory in `base`, and the version: seconds since the epoch, or a digest if
        the server does not need a number.
    """
    digest = source.digest()[:16]
    name = digest if is_versioned else f"{digest}-files"
    folder, version = base / name, digest
    if is_versioned:
        version = _version_in(folder) or str(int(time.time()))
    if is_mounted_bucket(base):
        # There, a rename is a copy, so a complete copy cannot be recognized. Copy again.
        copy_model(source.path, folder / version if is_versioned else folder)
        return name, version
    with partial_directory(base) as partial:
        try:
            if not folder.is_dir():
                copy_model(source.path, partial / version if is_versioned else partial)
                sync([partial, *partial.rglob("*")])
                partial.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            # Another task pushed the same model in the meantime.
            version = (_version_in(folder) if is_versioned else "") or version
    return name, version


def _version_in(folder: Path) -> str:
    versions = folder.iterdir() if folder.is_dir() else ()
    return next((path.name for path in versions if path.name.isdecimal()), "")


def _roll_out(
    cluster: ServingCluster,
    params: KubernetesPusherParams,
    before: dict[str, Any] | None,
    location: str,
    version: str,
) -> Object:
    if params.server == KSERVE:
        kind = manifests.INFERENCE_SERVICE
        manifest = manifests.inference_service(params, location, version)
    else:
        kind = manifests.DEPLOYMENT
        manifest = manifests.deployment(params, location, version)
        cluster.apply(manifests.SERVICE, manifests.service(params))
    applied = cluster.apply(kind, manifest)
    change = rollout.Rollout(
        kind=kind,
        name=params.name,
        before=before,
        generation=applied["metadata"]["generation"],
        push=manifests.push_of(manifest),
    )
    logging.info("kubernetes_pusher: applied version %s to %s.", version, params.name)
    try:
        return rollout.wait(cluster, change, params.timeout_seconds)
    except rollout.SupersededError:
        raise  # the object now belongs to another push, which may roll it back
    except ComponentError as error:
        if not params.roll_back:
            raise
        raise type(error)(f"{error} {_roll_back(cluster, change)}") from error


def _roll_back(cluster: ServingCluster, change: rollout.Rollout) -> str:
    """Restores the fields that decide which model is served, and returns a text about it."""
    kind, before = change.kind, change.before
    if before is None:
        return "There was no version before to roll back to."
    if manifests.push_of(cluster.find(kind, change.name) or {}) != change.push:
        return "Another push came meanwhile, so there is nothing to roll back."
    part = "predictor" if kind is manifests.INFERENCE_SERVICE else "template"
    name, metadata = before["metadata"]["name"], before["metadata"]
    annotations = metadata.get("annotations", {})
    cluster.replace(
        kind,
        name,
        {f"/spec/{part}": before["spec"][part], "/metadata/annotations": annotations},
        while_it_has={manifests.push_pointer(kind): change.push},
    )
    version = annotations.get(manifests.VERSION_ANNOTATION, "that was there before")
    return f"Rolled back to version {version}."


def _url(cluster: ServingCluster, params: KubernetesPusherParams, served: Object) -> str:
    if params.server == KSERVE:
        return str(served.get("status", {}).get("url", ""))
    host = f"{params.name}.{cluster.namespace}.svc"
    return f"http://{host}:{manifests.REST_PORT}/v1/models/{params.name}"
