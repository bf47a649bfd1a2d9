"""Writes the Kubernetes settings for the pods of tasks: the platform spec beside a pipeline.

Source: KubernetesExecutorConfig, kubernetes_executor_config.proto in kubeflow/pipelines.
"""

from collections.abc import Callable, Mapping
from typing import Any

from headrace.compilation.passes.image_references import own_images
from headrace.compilation.passes.resources import accelerator
from headrace.ir import specs
from headrace.profiles.accelerators import NVIDIA
from headrace.profiles.profile import Profile
from headrace.profiles.quantities import seconds
from headrace.profiles.tasks import ScopedSettings, TaskPath, TaskSettings
from headrace.targets.kubeflow.passes.large_artifacts import secrets
from headrace.targets.kubeflow.settings import Kubeflow

Config = dict[str, Any]
"""A KubernetesExecutorConfig as plain JSON data."""

# https://cloud.google.com/kubernetes-engine/docs/how-to/node-pools and .../concepts/spot-vms
_NODE_POOL = "cloud.google.com/gke-nodepool"
_SPOT = "cloud.google.com/gke-spot"

# Lists whose items are identified by one of their fields.
_LISTS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "secretAsVolume": lambda item: item["mountPath"],
    "pvcMount": lambda item: item["mountPath"],
    "emptyDirMounts": lambda item: item["mountPath"],
    "secretAsEnv": lambda item: item["keyToEnv"][0]["envVar"],
    "tolerations": lambda item: (item.get("key"), item.get("value"), item.get("effect")),
}


def platform_spec(
    spec: Mapping[str, Any],
    platform: Mapping[str, Any],
    settings: Mapping[TaskPath, ScopedSettings],
    profile: Profile,
) -> dict[str, Any]:
    """Returns `platform` with the pod settings of a profile.

    Args:
        spec: The pipeline, its accelerators and images by neutral names.
        platform: Its `PlatformSpec`; empty unless kfp-kubernetes was used.
        settings: The profile's settings for each task.
        profile: The settings of all pods, and which images are the author's own.
    """
    kubeflow, own = profile.table_of(Kubeflow), own_images(spec, profile)
    result: dict[str, Any] = specs.copy(platform)
    executors = (result.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {})).get(
        "executors", {}
    )
    for node in specs.tasks(spec):
        if not node.container:
            continue
        label = node.component["executorLabel"]
        scoped = settings.get(node.path, ScopedSettings())
        config = _for_all(kubeflow, accelerator(node.container))
        keys = secrets(kubeflow, node)
        if keys:
            # Optional: if an installation uses another store, pods must start without this secret.
            config["secretAsEnv"] = [
                {**_secret_variable(name, *keys[name]), "optional": True} for name in keys
            ]
        config = _joined(config, _config(scoped.general))
        of_pipeline = executors.get(label, {})
        config = _joined(config, of_pipeline)
        config = _joined(config, _config(scoped.own))
        is_ours = specs.logical_image(node.container) is not None and node.path not in own
        if _runs_as_non_root(scoped, of_pipeline, is_ours):
            security = {**config.get("securityContext", {}), "runAsNonRoot": True}
            config["securityContext"] = security
        if config:
            executors[label] = config
    if executors:
        deployment = {"deploymentSpec": {"executors": executors}}
        result.setdefault("platforms", {}).setdefault("kubernetes", {}).update(deployment)
    return result


def _runs_as_non_root(
    scoped: ScopedSettings, of_pipeline: Mapping[str, Any], is_ours: bool
) -> bool:
    """Whether a container may not run as root, as Pod Security's level `restricted` requires.

    Headrace's images run as a user with a number; for other images the author must decide.
    """
    if scoped.own.run_as_non_root is not None:
        return scoped.own.run_as_non_root
    if "securityContext" in of_pipeline:
        return False  # kfp-kubernetes has set it
    return is_ours if scoped.general.run_as_non_root is None else scoped.general.run_as_non_root


def _for_all(kubeflow: Kubeflow, device: str) -> Config:
    config: Config = {}
    if kubeflow.image_pull_policy:
        config["imagePullPolicy"] = kubeflow.image_pull_policy
    if kubeflow.image_pull_secrets:
        config["imagePullSecret"] = [
            {"secretName": name, "secretNameParameter": _constant(name)}
            for name in kubeflow.image_pull_secrets
        ]
    if device in NVIDIA:
        config["tolerations"] = [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
        ]
        if kubeflow.accelerator_label:
            config["nodeSelector"] = {"labels": {kubeflow.accelerator_label: device}}
    return config


def _config(settings: TaskSettings) -> Config:
    config: Config = {}
    labels = dict(settings.node_selector)
    tolerations = [_toleration(each) for each in settings.tolerations]
    if settings.node_pool:
        labels[_NODE_POOL] = settings.node_pool
    if settings.spot:
        labels[_SPOT] = "true"
        spot = {"key": _SPOT, "operator": "Equal", "value": "true", "effect": "NoSchedule"}
        tolerations.append(spot)
    if labels:
        config["nodeSelector"] = {"labels": labels}
    for key, values in (("annotations", settings.pod_annotations), ("labels", settings.pod_labels)):
        if values:
            config.setdefault("podMetadata", {})[key] = dict(values)
    if tolerations:
        config["tolerations"] = tolerations
    if settings.shm:
        config["emptyDirMounts"] = [
            {
                "volumeName": "shm",
                "mountPath": "/dev/shm",
                "medium": "Memory",
                "sizeLimit": settings.shm,
            }
        ]
    if settings.timeout:
        config["activeDeadlineSeconds"] = str(seconds(settings.timeout))
    if settings.secret_environment:
        config["secretAsEnv"] = [
            _secret_variable(name, *secret.split("/"))
            for name, secret in settings.secret_environment.items()
        ]
    if settings.secret_volumes:
        config["secretAsVolume"] = [
            {"secretName": name, "mountPath": path, "secretNameParameter": _constant(name)}
            for path, name in settings.secret_volumes.items()
        ]
    if settings.volumes:
        config["pvcMount"] = [
            {"constant": claim, "mountPath": path, "pvcNameParameter": _constant(claim)}
            for path, claim in settings.volumes.items()
        ]
    return config


def _secret_variable(variable: str, secret: str, key: str) -> dict[str, Any]:
    return {
        "secretName": secret,
        "secretNameParameter": _constant(secret),
        "keyToEnv": [{"envVar": variable, "secretKey": key}],
    }


def _toleration(values: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(values)
    if "toleration_seconds" in result:
        # protojson writes an int64 as a string.
        result["tolerationSeconds"] = str(result.pop("toleration_seconds"))
    return result


def _constant(value: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}


def _joined(base: Config, over: Config) -> Config:
    """Returns both; if they set the same field, `over` takes precedence."""
    result = {**base, **over}
    for name, key in _LISTS.items():
        if name in base and name in over:
            items = {key(item): item for item in (*base[name], *over[name])}
            result[name] = list(items.values())
    for name in ("nodeSelector", "podMetadata"):
        if name in base and name in over:
            result[name] = {
                key: {**base[name].get(key, {}), **over[name].get(key, {})}
                for key in {**base[name], **over[name]}
            }
    return result
