"""Tasks on several machines: a container that runs the task's own as a JobSet, and waits for it.

Kubeflow Pipelines gives a task one pod. That pod becomes `headrace_components.training_job`, and
the task's container, with all that the profile gives its pod, goes to the pods of the JobSet.
"""

import json
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.resources import cpu_fields, memory_fields
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.profiles.profile import Profile
from headrace.profiles.tasks import ScopedSettings, TaskPath
from headrace.targets.kubeflow.passes.default_requests import request_of
from headrace.targets.kubeflow.settings import Kubeflow

# The Kubernetes client is all that the launcher imports, and this image has it.
_LAUNCHER = "kubernetes_pusher"
_EXECUTOR_INPUT = "{{$}}"
# The same as in headrace_components.training_job.jobset, which cannot be imported without its
# client.
_STAND_IN = "HEADRACE_EXECUTOR_INPUT"

# The settings that the launcher's pod shares with the task; the others are for the pods that work.
_OF_BOTH = ("imagePullPolicy", "imagePullSecret", "podMetadata", "securityContext")
_OF_LAUNCHER = ("activeDeadlineSeconds",)
_OF_PODS = (
    "nodeSelector", "tolerations", "emptyDirMounts", "secretAsEnv", "secretAsVolume", "pvcMount",
)  # fmt: skip

# Kubeflow Pipelines sets this for the container of a task.
_CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}

Object = dict[str, Any]


def apply_training_jobs(
    spec: Mapping[str, Any],
    platform: Mapping[str, Any],
    settings: Mapping[TaskPath, ScopedSettings],
    profile: Profile,
) -> tuple[Spec, Object]:
    """Returns pipeline and platform spec with launchers for the tasks that have several `workers`.

    Args:
        spec: A pipeline after all other passes.
        platform: Its `PlatformSpec`.
        settings: The profile's settings for each task.
        profile: Names the place of images.

    Raises:
        CompileError: A JobSet cannot run the task.
    """
    result: Spec = specs.copy(spec)
    pods: Object = specs.copy(platform)
    executors = (pods.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {})).get(
        "executors", {}
    )
    for node in specs.tasks(result):
        task = settings.get(node.path, ScopedSettings()).merged
        launched = node.container.get("command", [])[-1:] == ["headrace_components.training_job"]
        if (task.workers or 1) == 1 or launched:
            continue
        label = node.component["executorLabel"]
        config = executors.get(label, {})
        _check(node, config, task.volumes, profile)
        shared, claim = next(iter(task.volumes.items()))
        pod = _pod(node.container, config, profile.table_of(Kubeflow).service_account)
        digest = profile.images.digests[_LAUNCHER]
        request = request_of(_LAUNCHER)
        node.executor["container"] = {
            "image": f"{profile.images.registry}/{_LAUNCHER}@{digest}",
            "command": ["python", "-m", "headrace_components.training_job"],
            "args": [
                *("--workers", str(task.workers)),
                *("--shared", shared),
                *("--pod", json.dumps(pod, sort_keys=True, ensure_ascii=False)),
                *("--executor_input", _EXECUTOR_INPUT),
            ],
            "resources": {
                **cpu_fields("Request", request.cpu),
                **memory_fields("Request", request.memory),
            },
        }
        kept = {name: config[name] for name in (*_OF_BOTH, *_OF_LAUNCHER) if name in config}
        kept["pvcMount"] = [each for each in config["pvcMount"] if each["constant"] == claim]
        executors[label] = kept
    return result, pods


def _check(
    node: specs.TaskNode, config: Mapping[str, Any], volumes: Mapping[str, Any], profile: Profile
) -> None:
    where = f"{profile.source}: task `{node.label}`: target kubeflow runs it as a JobSet"
    if not volumes:
        raise CompileError(
            f"{where}, whose pods meet on a volume, but the task has no `volumes`. Write "
            f"volumes = {{ '/mnt/shared' = 'CLAIM' }} in [kubeflow.tasks.{node.name}], with a "
            "PersistentVolumeClaim of the access mode ReadWriteMany."
        )
    if _LAUNCHER not in profile.images.digests:
        raise CompileError(
            f"{where}, which the image {_LAUNCHER} starts, but there is no digest of it; known: "
            f"{sorted(profile.images.digests)}. Run `headrace images build {_LAUNCHER}` and "
            f"`headrace images push {_LAUNCHER}`."
        )
    unknown = sorted(set(config) - {*_OF_BOTH, *_OF_LAUNCHER, *_OF_PODS})
    if unknown:
        raise CompileError(
            f"{where}, whose pods get what the profile says, but kfp-kubernetes sets {unknown} "
            "too. Remove that, or say it in the profile."
        )
    for text in (*node.container.get("command", []), *node.container.get("args", [])):
        if "{{$" in text and text != _EXECUTOR_INPUT:
            raise CompileError(
                f"{where}, where {text!r} cannot be filled in. Pass '{{{{$}}}}' as an argument of "
                "its own, and read parameters and paths from it."
            )


def _pod(container: Mapping[str, Any], config: Mapping[str, Any], account: str) -> Object:
    """Returns the metadata and spec of a pod, like Kubernetes' PodTemplateSpec."""
    mounts, volumes = _mounts(config)
    run = {
        "name": "main",
        "image": container["image"],
        "imagePullPolicy": config.get("imagePullPolicy", ""),
        "command": list(container.get("command", [])),
        "args": [
            _STAND_IN if text == _EXECUTOR_INPUT else text for text in container.get("args", [])
        ],
        "env": [*container.get("env", []), *_secret_variables(config)],
        "resources": _resources(container.get("resources", {})),
        "securityContext": {**_CONFINED, **config.get("securityContext", {})},
        "volumeMounts": mounts,
    }
    spec = {
        "restartPolicy": "Never",
        "serviceAccountName": account,
        "containers": [_without_empty(run)],
        "volumes": volumes,
        "nodeSelector": config.get("nodeSelector", {}).get("labels", {}),
        "tolerations": [_toleration(each) for each in config.get("tolerations", [])],
        "imagePullSecrets": [
            {"name": each["secretName"]} for each in config.get("imagePullSecret", [])
        ],
    }
    metadata = dict(config.get("podMetadata", {}))
    # A proxy beside the container would block gRPC, and would not end when the container ends.
    labels = {"sidecar.istio.io/inject": "false", **metadata.get("labels", {})}
    return {"metadata": {**metadata, "labels": labels}, "spec": _without_empty(spec)}


def _resources(asked: Mapping[str, Any]) -> Object:
    limits = {
        "cpu": asked.get("resourceCpuLimit"),
        "memory": asked.get("resourceMemoryLimit"),
    }
    accelerator = asked.get("accelerator", {})
    if accelerator:
        limits[accelerator["resourceType"]] = accelerator["resourceCount"]
    requests = {
        "cpu": asked.get("resourceCpuRequest"),
        "memory": asked.get("resourceMemoryRequest"),
    }
    return _without_empty({"limits": _without_empty(limits), "requests": _without_empty(requests)})


def _secret_variables(config: Mapping[str, Any]) -> list[Object]:
    return [
        {
            "name": key["envVar"],
            "valueFrom": {"secretKeyRef": {"name": secret["secretName"], "key": key["secretKey"]}},
        }
        for secret in config.get("secretAsEnv", [])
        for key in secret["keyToEnv"]
    ]


def _mounts(config: Mapping[str, Any]) -> tuple[list[Object], list[Object]]:
    found = [
        *(
            (
                each["mountPath"],
                {
                    "emptyDir": _without_empty(
                        {"medium": each.get("medium", ""), "sizeLimit": each.get("sizeLimit", "")}
                    )
                },
            )
            for each in config.get("emptyDirMounts", [])
        ),
        *(
            (each["mountPath"], {"persistentVolumeClaim": {"claimName": each["constant"]}})
            for each in config.get("pvcMount", [])
        ),
        *(
            (each["mountPath"], {"secret": {"secretName": each["secretName"]}})
            for each in config.get("secretAsVolume", [])
        ),
    ]
    mounts = [{"name": f"v{n}", "mountPath": path} for n, (path, _) in enumerate(found)]
    return mounts, [{"name": f"v{n}", **source} for n, (_, source) in enumerate(found)]


def _toleration(values: Mapping[str, Any]) -> Object:
    result = dict(values)
    if "tolerationSeconds" in result:  # protojson writes an int64 as a string, Kubernetes does not
        result["tolerationSeconds"] = int(result["tolerationSeconds"])
    return result


def _without_empty(values: Mapping[str, Any]) -> Object:
    return {name: value for name, value in values.items() if value}
