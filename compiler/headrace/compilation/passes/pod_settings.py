"""What kfp-kubernetes wrote for the pods of tasks, by the names that an author knows."""

from collections.abc import Mapping
from typing import Any

from headrace.errors import CompileError
from headrace.ir import specs

# Fields of KubernetesExecutorConfig, and the functions of `kfp.kubernetes` that write them.
_FUNCTIONS = {
    "secretAsVolume": "use_secret_as_volume",
    "secretAsEnv": "use_secret_as_env",
    "pvcMount": "mount_pvc",
    "nodeSelector": "add_node_selector",
    "podMetadata": "add_pod_label or add_pod_annotation",
    "imagePullSecret": "set_image_pull_secrets",
    "imagePullPolicy": "set_image_pull_policy",
    "configMapAsVolume": "use_config_map_as_volume",
    "configMapAsEnv": "use_config_map_as_env",
    "activeDeadlineSeconds": "set_timeout",
    "fieldPathAsEnv": "use_field_path_as_env",
    "tolerations": "add_toleration",
    "genericEphemeralVolume": "add_ephemeral_volume",
    "nodeAffinity": "add_node_affinity",
    "podAffinity": "add_pod_affinity",
    "enabledSharedMemory": "empty_dir_mount",
    "emptyDirMounts": "empty_dir_mount",
    "securityContext": "set_security_context",
}

# Fields of a profile that say the same, for a task and for all of them.
_PROFILE_FIELDS = {
    "secretAsVolume": "secret_volumes",
    "secretAsEnv": "secret_environment",
    "pvcMount": "volumes",
    "nodeSelector": "node_selector",
    "podMetadata": "pod_labels",
    "activeDeadlineSeconds": "timeout",
    "tolerations": "tolerations",
    "emptyDirMounts": "shm",
}
_KUBEFLOW_FIELDS = {
    "imagePullSecret": "image_pull_secrets",
    "imagePullPolicy": "image_pull_policy",
}

# What a component of kfp-kubernetes runs in: the backend does its work, and there is no such image.
_STUB = "argostub/"


def pod_settings(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> dict[str, list[str]]:
    """Returns the fields of KubernetesExecutorConfig that are set, by the paths of the tasks."""
    executors = (
        platform.get("platforms", {})
        .get("kubernetes", {})
        .get("deploymentSpec", {})
        .get("executors", {})
    )
    found = {}
    for node in specs.tasks(spec):
        fields = sorted(executors.get(node.component.get("executorLabel", ""), {}))
        if fields:
            found[node.label] = fields
    return found


def check_no_pod_settings(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> None:
    """Refuses settings of Kubernetes for a target that is none.

    Raises:
        CompileError: There is one; the message names the function that wrote it and, where a
            profile can say it for Kubeflow alone, the place there.
    """
    settings = platform.get("platforms", {}).get("kubernetes")
    if settings is None:
        return
    name = specs.pipeline_name(spec)
    for label, fields in pod_settings(spec, platform).items():
        field = fields[0]
        advice = "Remove it, or compile for kubeflow."
        if field in _PROFILE_FIELDS:
            advice = (
                f"Remove it there, and write `{_PROFILE_FIELDS[field]}` in the table "
                f'[kubeflow.tasks."{label}"] of the profile, which holds on Kubeflow alone.'
            )
        elif field in _KUBEFLOW_FIELDS:
            advice = (
                f"Remove it there, and write `{_KUBEFLOW_FIELDS[field]}` in the table [kubeflow] "
                "of the profile."
            )
        raise CompileError(
            f"{name}: task `{label}`: target vertex has no Kubernetes settings, but "
            f"{function_name(field)} of kfp.kubernetes makes one. {advice}"
        )
    found = sorted(settings.get("pipelineConfig", {}))
    if found:
        raise CompileError(
            f"{name}: target vertex has no Kubernetes settings, but dsl.PipelineConfig sets "
            f"{found}. Remove them, or compile for kubeflow."
        )


def function_name(field: str) -> str:
    """Returns the function of `kfp.kubernetes` that writes a field of KubernetesExecutorConfig."""
    return _FUNCTIONS.get(field, field)


def is_stub(container: Mapping[str, Any]) -> bool:
    """Whether a container is that of CreatePVC or its like, which only Kubeflow carries out."""
    return str(container.get("image", "")).startswith(_STUB)
