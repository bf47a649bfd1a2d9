"""What a target cannot run, and what to write instead."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from headrace.compilation.passes.absent_inputs import argument_without_value
from headrace.compilation.passes.pod_settings import check_no_pod_settings, is_stub
from headrace.compilation.passes.resources import accelerator, asks
from headrace.compilation.passes.templates import RUN_PLACEHOLDER
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.accelerators import ACCELERATORS, NVIDIA, vertex_name
from headrace.targets.registry import Target

# Custom jobs of Vertex AI: https://cloud.google.com/vertex-ai/docs/pipelines/machine-types
MAX_VERTEX_CPUS = 96
MAX_VERTEX_MEMORY_GB = 624
MAX_VERTEX_COLLECTED = 100  # kubeflow/kubeflow#7513

# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/MachineSpec#AcceleratorType
_VERTEX_ACCELERATOR = re.compile(r"(NVIDIA|TPU)_[A-Z0-9_]+")
_VERTEX_PIPELINE_NAME = re.compile(r"[a-z][a-z0-9-]{0,127}")

# What the open-source launcher can read: objstore schemes of backend/src/v2.
_KUBEFLOW_IMPORTS = ("gs://", "s3://", "minio://", "oci://")

# Replaced by Vertex AI alone.
_VERTEX_PLACEHOLDERS = re.compile(
    r"\{\{\$\.(json_escape|pipeline_google_cloud_\w+|pipeline_root)[^}]*\}\}"
)
# In JSON text, as of IfPresent, quotes are escaped.
_ARTIFACT = r"\{\{\$\.(?:inputs|outputs)\.artifacts\[\\?['\"](?P<name>[^'\"\\]+)\\?['\"]\]"
_CONCAT = re.compile(r'\{\\*"Concat\\*":')  # in an IfPresent, too
_WHOLE_ARTIFACT = re.compile(_ARTIFACT + r"\}\}")
_ARTIFACT_METADATA = re.compile(_ARTIFACT + r"\.metadata[^}]*\}\}")

Rule = Callable[[specs.TaskNode], str | None]


def check(spec: Mapping[str, Any], target: Target, platform: Mapping[str, Any]) -> None:
    """Refuses what `target` cannot run.

    Args:
        spec: A pipeline as kfp compiles it.
        target: Where it is to run.
        platform: Its `PlatformSpec`; empty unless kfp-kubernetes was used.

    Raises:
        CompileError: The first such construct, with what to write instead.
    """
    name = specs.pipeline_name(spec)
    if target == "vertex":
        _check_vertex_name(name)
        check_no_pod_settings(spec, platform)
        _check_collected(spec, name)
    else:
        _check_given_artifacts(spec, name, target)
    for node in specs.tasks(spec):
        for rule in _RULES[target]:
            finding = rule(node)
            if finding:
                raise CompileError(f"{name}: task `{node.label}`: target {target} {finding}")


def _check_given_artifacts(spec: Mapping[str, Any], name: str, target: Target) -> None:
    for port, definition in specs.artifacts(spec["root"]).items():
        if not definition.get("isOptional"):
            raise CompileError(
                f"{name}: target {target} gives a pipeline no artifacts, but its input `{port}` "
                "needs one. Pass the artifact's URI as a string, and import it with dsl.importer."
            )


def _check_vertex_name(name: str) -> None:
    if not _VERTEX_PIPELINE_NAME.fullmatch(name):
        raise CompileError(
            f"{name}: target vertex takes pipeline names of lower-case letters, digits and -, "
            "starting with a letter, of at most 128 characters. Rename the pipeline."
        )


def _accelerator_of_vertex(node: specs.TaskNode) -> str | None:
    name = accelerator(node.container)
    if name and "{{$" not in name and not _VERTEX_ACCELERATOR.fullmatch(name):
        return (
            f"knows no accelerator {name!r}; expected a name as 'nvidia-l4', which every target "
            "takes, or Vertex AI's own, as 'NVIDIA_L4'. Change `set_accelerator_type`."
        )
    known = [vertex_name(each) for each in ACCELERATORS]
    if name and "{{$" not in name and name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Change `set_accelerator_type`."
        return f"knows no accelerator {name!r}; it has {known}. {hint}"
    return None


def _accelerator_of_kubeflow(node: specs.TaskNode) -> str | None:
    name = accelerator(node.container)
    portable = name.lower().replace("_", "-")
    if _VERTEX_ACCELERATOR.fullmatch(name) and portable in NVIDIA:
        return (
            f"does not take {name!r}, a name of Vertex AI. Write {portable!r} in "
            "`set_accelerator_type`, which every target takes, or a device as 'nvidia.com/gpu'."
        )
    if name and "/" not in name and "{{$" not in name:
        near = difflib.get_close_matches(portable, NVIDIA, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Change `set_accelerator_type`."
        return (
            f"knows no accelerator {name!r}; expected one of {list(NVIDIA)}, or a device as "
            f"'amd.com/gpu'. {hint}"
        )
    return None


def _machine_of_vertex(node: specs.TaskNode) -> str | None:
    resources = node.container.get("resources", {})
    cpus, memory = resources.get("cpuLimit", 0), resources.get("memoryLimit", 0)
    if cpus > MAX_VERTEX_CPUS:
        return (
            f"has machines of up to {MAX_VERTEX_CPUS} CPUs, but the task's limit is {cpus:g}. "
            "Ask for fewer."
        )
    if memory > MAX_VERTEX_MEMORY_GB:
        return (
            f"has machines of up to {MAX_VERTEX_MEMORY_GB} GB, but the task's limit is "
            f"{memory:g} GB. Ask for less."
        )
    return None


def _request_of_vertex(node: specs.TaskNode) -> str | None:
    resources = node.container.get("resources", {})
    for name in ("cpu", "memory"):
        if asks(resources, name, "Request") and not asks(resources, name, "Limit"):
            return (
                f"chooses the machine by limits and knows no requests, but the task has "
                f"`set_{name}_request` alone. Call `set_{name}_limit` too, or "
                f"write `{name}` for the task in the profile."
            )
    return None


def _request_over_limit(node: specs.TaskNode) -> str | None:
    resources = node.container.get("resources", {})
    for name in ("cpu", "memory"):
        request, limit = (resources.get(f"{name}{kind}") for kind in ("Request", "Limit"))
        if request and limit and request > limit:
            unit = " GB" if name == "memory" else ""
            return (
                f"makes no pod that asks for more than its limit, but the task's request of {name} "
                f"is {request:g}{unit} and its limit {limit:g}{unit}. Raise `{name}` or lower "
                f"`{name}_request`, which the pipeline file has as set_{name}_limit and "
                f"set_{name}_request."
            )
    return None


def _retry_of_a_dag(node: specs.TaskNode) -> str | None:
    if "dag" in node.component and "retryPolicy" in node.task:
        return (
            "retries single tasks only, and this one is a sub-pipeline. Call `set_retry` on the "
            "tasks inside it."
        )
    return None


def _negative_retries(node: specs.TaskNode) -> str | None:
    count = node.task.get("retryPolicy", {}).get("maxRetryCount", 0)
    if int(count) < 0:
        return (
            f"would be retried for ever: its `set_retry` has num_retries={count}, expected 0 or "
            "more. Write how many times to try again."
        )
    return None


def _foreign_executor(node: specs.TaskNode) -> str | None:
    executor = node.executor
    kinds = sorted(set(executor) - {"container", "importer"})
    if kinds:
        return (
            f"has no executor {kinds[0]!r}, which only Vertex AI runs. Use a container component."
        )
    return None


def _loop_over_artifacts(node: specs.TaskNode) -> str | None:
    if "artifactIterator" in node.task:
        return "cannot loop over artifacts. Loop over a list of strings, as their URIs."
    return None


def _importer_of_kubeflow(node: specs.TaskNode) -> str | None:
    importer = node.executor.get("importer")
    if importer is None:
        return None
    if node.task.get("taskInfo", {}).get("name", node.name) != node.name:
        return (
            "loses the artifact of an importer that has a display name of its own. Remove "
            "`set_display_name`."
        )
    sources = specs.parameter_inputs(node.task)
    name = importer.get("artifactUri", {}).get("runtimeParameter", "")
    # The launcher looks for it among the inputs of the enclosing DAG, which has no such name.
    if "taskOutputParameter" in sources.get(name, {}):
        return (
            "cannot import a URI that is the output of a task beside the importer. Put the "
            "importer into a sub-pipeline that takes the URI as a parameter."
        )
    uri = importer.get("artifactUri", {}).get("constant", "")
    if uri and "{{$" not in uri and not uri.startswith(_KUBEFLOW_IMPORTS):
        return (
            f"cannot import {uri!r}; expected a URI that starts with one of "
            f"{list(_KUBEFLOW_IMPORTS)}. Copy the artifact there."
        )
    return None


def _placeholders_of_vertex(node: specs.TaskNode) -> str | None:
    for where, text in _texts(node):
        found = _VERTEX_PLACEHOLDERS.search(text)
        if found:
            return f"does not replace {found[0]}, as {where} has it. Pass the value as a parameter."
    return None


def _whole_artifact(node: specs.TaskNode) -> str | None:
    for where, text in _command_texts(node):
        found = _WHOLE_ARTIFACT.search(text)
        if found:
            return (
                f"does not replace {found[0]}, an artifact given whole, as {where} has it. Use "
                f"`{found['name']}.path` or `{found['name']}.uri`."
            )
    return None


def _argument_without_value(node: specs.TaskNode) -> str | None:
    name = argument_without_value(node)
    if name is None:
        return None
    return (
        f"has no value for the optional input `{name}`, which the command line needs. Pass "
        f"`{name}`, give it a default, or write it as `dsl.IfPresentPlaceholder({name!r}, "
        f"then=[...])` in the component."
    )


def _artifact_metadata_of_kubeflow(node: specs.TaskNode) -> str | None:
    for where, text in _command_texts(node):
        found = _ARTIFACT_METADATA.search(text)
        if found:
            return (
                f"does not replace {found[0]}, as {where} has it. Read the metadata in the task, "
                "from the message that '{{$}}' stands for, or have the task before return the "
                "value as a parameter."
            )
    return None


def _stub_of_vertex(node: specs.TaskNode) -> str | None:
    if is_stub(node.container):
        return (
            f"has no volumes of Kubernetes, which `{node.container['image']}` stands for. Remove "
            "CreatePVC and DeletePVC and pass data as artifacts, or compile for kubeflow."
        )
    return None


def _job_placeholder_in_text(node: specs.TaskNode) -> str | None:
    if node.container:
        return None  # `templates` and `container_texts` see to it
    for name, source in specs.parameter_inputs(node.task).items():
        text = specs.constant(source)
        found = RUN_PLACEHOLDER.search(text) if isinstance(text, str) else None
        if found and found[0] != text:
            return (
                f"replaces {found[0]} only where it is a parameter's whole value, but `{name}` is "
                f"{text!r}. Put the text together at a task of the sub-pipeline."
            )
    return None


def _f_string_into_a_dag(node: specs.TaskNode) -> str | None:
    for name, source in specs.parameter_inputs(node.task).items():
        value = specs.constant(source)
        if "dag" in node.component and specs.referenced_parameters(specs.canonical_json(value)):
            what = "an f-string" if isinstance(value, str) else "a list or dict with parameters"
            # `sub_pipeline_texts` saw to what tasks take.
            return (
                f"does not fill in {what} where a condition, a loop or an importer in the "
                f"sub-pipeline takes the whole, as of `{name}`. Have a task put it together, and "
                "pass its output."
            )
    return None


def _concat_placeholder(node: specs.TaskNode) -> str | None:
    for where, text in _command_texts(node):
        if text.startswith(('{"Concat":', '{"IfPresent":')) and _CONCAT.search(text):
            return f"does not replace a ConcatPlaceholder, as {where} has it. Join inside the task."
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
            if count > MAX_VERTEX_COLLECTED:
                raise CompileError(
                    f"{name}: task `{node.label}`: target vertex collects up to "
                    f"{MAX_VERTEX_COLLECTED} artifacts in one input, but `{port}` would get "
                    f"{count}. Collect parameters, or divide the loop."
                )


def _collected(
    spec: Mapping[str, Any], enclosing: Mapping[str, Any], producer: str, key: str
) -> int:
    """Returns how many artifacts an output is; a loop over what the run gives counts once."""
    task = enclosing["dag"]["tasks"][producer]
    component = spec["components"][task["componentRef"]["name"]]
    outputs = component.get("dag", {}).get("outputs", {}).get("artifacts", {})
    inside = [
        _collected(spec, component, selector["producerSubtask"], selector["outputArtifactKey"])
        for selector in outputs.get(key, {}).get("artifactSelectors", [])
    ]
    raw = task.get("parameterIterator", {}).get("items", {}).get("raw")
    return max(inside, default=1) * (len(json.loads(raw)) if raw else 1)


def _command_texts(node: specs.TaskNode) -> list[tuple[str, str]]:
    """Returns what the texts of a task's command line are called, and the texts."""
    container = node.container
    texts = [("its command", text) for text in container.get("command", [])]
    return texts + [("an argument", text) for text in container.get("args", [])]


def _texts(node: specs.TaskNode) -> list[tuple[str, str]]:
    """Returns what a task's texts are called, and the texts."""
    texts = _command_texts(node)
    for name, source in specs.parameter_inputs(node.task).items():
        value = specs.constant(source)
        if isinstance(value, str):
            texts.append((f"`{name}`", value))
    return texts


_RULES: dict[Target, tuple[Rule, ...]] = {
    "local": (_whole_artifact, _foreign_executor, _negative_retries, _argument_without_value),
    "kubeflow": (
        _whole_artifact,
        _artifact_metadata_of_kubeflow,
        _foreign_executor,
        _loop_over_artifacts,
        _accelerator_of_kubeflow,
        _request_over_limit,
        _negative_retries,
        _importer_of_kubeflow,
        _argument_without_value,
        _placeholders_of_vertex,
        _job_placeholder_in_text,
        _f_string_into_a_dag,
        _concat_placeholder,
    ),
    "vertex": (
        _whole_artifact,
        _stub_of_vertex,
        _accelerator_of_vertex,
        _machine_of_vertex,
        _request_of_vertex,
        _negative_retries,
        _retry_of_a_dag,
        _placeholder_in_a_command,
    ),
}
