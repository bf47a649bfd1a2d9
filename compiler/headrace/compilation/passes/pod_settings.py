"""The settings that kfp-kubernetes wrote for the pods of tasks, by names that authors know."""

from collections.abc import Mapping
from typing import Any

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

# The image of components of kfp-kubernetes: the backend does their work, and the image does not
# exist.
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


def function_name(field: str) -> str:
    """Returns the function of `kfp.kubernetes` that writes a field of KubernetesExecutorConfig."""
    return _FUNCTIONS.get(field, field)


def is_stub(container: Mapping[str, Any]) -> bool:
    """Returns whether a container is that of CreatePVC or similar, which only Kubeflow runs."""
    return str(container.get("image", "")).startswith(_STUB)
