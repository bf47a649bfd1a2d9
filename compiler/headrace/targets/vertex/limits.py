"""The limits of Vertex AI Pipelines, and what to write instead."""

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.pod_settings import function_name, is_stub, pod_settings
from headrace.compilation.passes.resources import accelerator, asks
from headrace.compilation.passes.target_limits import negative_retries, whole_artifact
from headrace.contract.target import Rule
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.accelerators import ACCELERATORS
from headrace.profiles.tasks import TaskSettings

# Custom jobs of Vertex AI: https://cloud.google.com/vertex-ai/docs/pipelines/machine-types
MAX_CPUS = 96
MAX_MEMORY_GB = 624
MAX_COLLECTED = 100  # kubeflow/kubeflow#7513

# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/MachineSpec#AcceleratorType
_ACCELERATOR = re.compile(r"(NVIDIA|TPU)_[A-Z0-9_]+")
_PIPELINE_NAME = re.compile(r"[a-z][a-z0-9-]{0,127}")

# The fields of a profile with the same meaning, for a task or for all tasks.
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


# Settings of tasks that Kubernetes has, and those that a custom job alone has.
_KUBERNETES = (
    "shm",
    "node_pool",
    "node_selector",
    "tolerations",
    "pod_annotations",
    "pod_labels",
    "run_as_non_root",
    "secret_environment",
    "secret_volumes",
    "volumes",
)
_REQUESTS = ("cpu_request", "memory_request")
_CUSTOM_JOB = ("spot", "timeout")


def check_pipeline(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> None:
    """Refuses pipelines that Vertex AI cannot run as a whole.

    Raises:
        CompileError: Its name, a setting of Kubernetes, or too many artifacts in one input.
    """
    name = specs.pipeline_name(spec)
    _check_name(name)
    _check_no_pod_settings(spec, platform)
    _check_collected(spec, name)


def accelerator_name(neutral: str) -> str:
    """Returns Vertex AI's name of an accelerator, for example `NVIDIA_L4` for `nvidia-l4`."""
    return neutral.upper().replace("-", "_")


def refused_setting(settings: TaskSettings) -> str | None:
    """Returns the field of a task's settings that Vertex AI cannot use."""
    for name in _KUBERNETES:
        if getattr(settings, name):
            return (
                f"has no `{name}`. Move it to a table of Kubeflow, such as [kubeflow.tasks.NAME]."
            )
    for name in _REQUESTS:
        if getattr(settings, name):
            return (
                f"chooses the machine by limits and has no `{name}`. Move it to a table of "
                f"Kubeflow, such as [kubeflow.tasks.NAME], and write `{name.split('_')[0]}` "
                "here."
            )
    for name in _CUSTOM_JOB:
        if getattr(settings, name) and not (settings.machine_type or settings.persistent_resource):
            return (
                f"has `{name}` for custom jobs alone. Give the task a `machine_type`, for example "
                "'n2-standard-8', in [vertex.tasks.NAME], or move it to a table of Kubeflow."
            )
    if settings.accelerator and settings.accelerator not in ACCELERATORS:
        return (
            f"knows no accelerator {settings.accelerator!r}, a device of Kubernetes. Write one "
            f"of {list(ACCELERATORS)}."
        )
    return None


def _check_name(name: str) -> None:
    if not _PIPELINE_NAME.fullmatch(name):
        raise CompileError(
            f"{name}: target vertex takes pipeline names of lower-case letters, digits and -, "
            "starting with a letter, of at most 128 characters. Rename the pipeline."
        )


def _check_no_pod_settings(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> None:
    """Refuses settings of Kubernetes, because this target is not Kubernetes.

    Raises:
        CompileError: There is one; the message names the function that wrote it and, if a profile
            can set the same for Kubeflow only, the place there.
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


def _accelerator(node: specs.TaskNode) -> str | None:
    name = accelerator(node.container)
    if name and "{{$" not in name and not _ACCELERATOR.fullmatch(name):
        return (
            f"knows no accelerator {name!r}; expected a name such as 'nvidia-l4', which every "
            "target takes, or Vertex AI's own, for example 'NVIDIA_L4'. Change "
            "`set_accelerator_type`."
        )
    known = [accelerator_name(each) for each in ACCELERATORS]
    if name and "{{$" not in name and name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Change `set_accelerator_type`."
        return f"knows no accelerator {name!r}; it has {known}. {hint}"
    return None


def _machine(node: specs.TaskNode) -> str | None:
    resources = node.container.get("resources", {})
    cpus, memory = resources.get("cpuLimit", 0), resources.get("memoryLimit", 0)
    if cpus > MAX_CPUS:
        return (
            f"has machines of up to {MAX_CPUS} CPUs, but the task's limit is {cpus:g}. "
            "Ask for fewer."
        )
    if memory > MAX_MEMORY_GB:
        return (
            f"has machines of up to {MAX_MEMORY_GB} GB, but the task's limit is "
            f"{memory:g} GB. Ask for less."
        )
    return None


def _request(node: specs.TaskNode) -> str | None:
    resources = node.container.get("resources", {})
    for name in ("cpu", "memory"):
        if asks(resources, name, "Request") and not asks(resources, name, "Limit"):
            return (
                f"chooses the machine by limits and knows no requests, but the task has "
                f"`set_{name}_request` alone. Call `set_{name}_limit` too, or "
                f"write `{name}` for the task in the profile."
            )
    return None


def _retry_of_a_dag(node: specs.TaskNode) -> str | None:
    if "dag" in node.component and "retryPolicy" in node.task:
        return (
            "retries single tasks only, and this one is a sub-pipeline. Call `set_retry` on the "
            "tasks inside it."
        )
    return None


def _stub(node: specs.TaskNode) -> str | None:
    if is_stub(node.container):
        return (
            f"has no volumes of Kubernetes, which `{node.container['image']}` stands for. Remove "
            "CreatePVC and DeletePVC and pass data as artifacts, or compile for kubeflow."
        )
    return None


def _placeholder_in_a_command(node: specs.TaskNode) -> str | None:
    # googleapis/python-aiplatform#4164: arguments have theirs replaced, commands do not.
    for text in node.container.get("command", []):
        for name in ("IfPresent", "Concat"):
            if text.startswith(f'{{"{name}":'):
                return f"does not replace the {name}Placeholder in its command. Move it to `args`."
    return None


def _check_collected(spec: Mapping[str, Any], name: str) -> None:
    for node in specs.tasks(spec):
        for port, source in specs.artifact_inputs(node.task).items():
            output = source.get("taskOutputArtifact")
            if output is None:
                continue
            key = output["outputArtifactKey"]
            count = _collected(spec, node.enclosing, output["producerTask"], key)
            if count > MAX_COLLECTED:
                raise CompileError(
                    f"{name}: task `{node.label}`: target vertex collects up to "
                    f"{MAX_COLLECTED} artifacts in one input, but `{port}` would get "
                    f"{count}. Collect parameters, or divide the loop."
                )


def _collected(
    spec: Mapping[str, Any], enclosing: Mapping[str, Any], producer: str, key: str
) -> int:
    """Returns the number of artifacts of an output; a loop over a value of the run counts once."""
    task = enclosing["dag"]["tasks"][producer]
    component = specs.component_of_task(spec, task)
    outputs = specs.dag_outputs(component).get("artifacts", {})
    inside = [
        _collected(spec, component, selector["producerSubtask"], selector["outputArtifactKey"])
        for selector in outputs.get(key, {}).get("artifactSelectors", [])
    ]
    raw = task.get("parameterIterator", {}).get("items", {}).get("raw")
    return max(inside, default=1) * (len(json.loads(raw)) if raw else 1)


RULES: tuple[Rule, ...] = (
    whole_artifact,
    _stub,
    _accelerator,
    _machine,
    _request,
    negative_retries,
    _retry_of_a_dag,
    _placeholder_in_a_command,
)
