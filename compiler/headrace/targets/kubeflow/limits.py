"""The limits of Kubeflow Pipelines, and what to write instead."""

import difflib
import re

from headrace.compilation.passes.resources import accelerator
from headrace.compilation.passes.target_limits import (
    ARTIFACT,
    argument_without_value,
    command_texts,
    foreign_executor,
    loop_over_artifacts,
    negative_retries,
    request_over_limit,
    texts,
    whole_artifact,
)
from headrace.compilation.passes.templates import RUN_PLACEHOLDER
from headrace.contract.target import Rule
from headrace.ir import specs
from headrace.profiles.accelerators import ACCELERATORS, NVIDIA
from headrace.profiles.tasks import TaskSettings

# The stores that the open-source launcher can read: objstore schemes of backend/src/v2.
_IMPORTS = ("gs://", "s3://", "minio://", "oci://")

KUBERNETES_GPU = "nvidia.com/gpu"

_OF_VERTEX = re.compile(r"(NVIDIA|TPU)_[A-Z0-9_]+")

# Replaced by Vertex AI alone.
_VERTEX_PLACEHOLDERS = re.compile(
    r"\{\{\$\.(json_escape|pipeline_google_cloud_\w+|pipeline_root)[^}]*\}\}"
)
_CONCAT = re.compile(r'\{\\*"Concat\\*":')  # in an IfPresent, too
_ARTIFACT_METADATA = re.compile(ARTIFACT + r"\.metadata[^}]*\}\}")


# Settings of tasks that Vertex AI alone has.
_SETTINGS_OF_VERTEX = ("machine_type", "persistent_resource")


def accelerator_name(neutral: str) -> str | None:
    """Returns the Kubernetes device of an accelerator; None if it has no other name."""
    return KUBERNETES_GPU if neutral in NVIDIA else None


def refused_setting(settings: TaskSettings) -> str | None:
    """Returns the field of a task's settings that Kubeflow cannot use."""
    for name in _SETTINGS_OF_VERTEX:
        if getattr(settings, name):
            return f"has no `{name}`. Move it to a table of Vertex AI, such as [vertex.tasks.NAME]."
    if settings.accelerator in ACCELERATORS and settings.accelerator not in NVIDIA:
        return (
            f"gets a TPU by the device's name: write accelerator = 'google.com/tpu', and GKE's "
            f"labels for {settings.accelerator!r} in `node_selector`."
        )
    return None


def _accelerator(node: specs.TaskNode) -> str | None:
    name = accelerator(node.container)
    portable = name.lower().replace("_", "-")
    if _OF_VERTEX.fullmatch(name) and portable in NVIDIA:
        return (
            f"does not take {name!r}, a name of Vertex AI. Write {portable!r} in "
            "`set_accelerator_type`, which every target takes, or a device such as "
            "'nvidia.com/gpu'."
        )
    if name and "/" not in name and "{{$" not in name:
        near = difflib.get_close_matches(portable, NVIDIA, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Change `set_accelerator_type`."
        return (
            f"knows no accelerator {name!r}; expected one of {list(NVIDIA)}, or a device such as "
            f"'amd.com/gpu'. {hint}"
        )
    return None


def _importer(node: specs.TaskNode) -> str | None:
    importer = node.executor.get("importer")
    if importer is None:
        return None
    sources = specs.parameter_inputs(node.task)
    name = importer.get("artifactUri", {}).get("runtimeParameter", "")
    # The launcher looks for it among the inputs of the enclosing DAG, which does not have this
    # name.
    if "taskOutputParameter" in sources.get(name, {}):
        return (
            "cannot import a URI that is the output of a task beside the importer. Put the "
            "importer into a sub-pipeline that takes the URI as a parameter."
        )
    uri = importer.get("artifactUri", {}).get("constant", "")
    if uri and "{{$" not in uri and not uri.startswith(_IMPORTS):
        return (
            f"cannot import {uri!r}; expected a URI that starts with one of "
            f"{list(_IMPORTS)}. Copy the artifact there."
        )
    return None


def _placeholders(node: specs.TaskNode) -> str | None:
    for where, text in texts(node):
        found = _VERTEX_PLACEHOLDERS.search(text)
        if found:
            return f"does not replace {found[0]}, which {where} has. Pass the value as a parameter."
    return None


def _artifact_metadata(node: specs.TaskNode) -> str | None:
    for where, text in command_texts(node):
        found = _ARTIFACT_METADATA.search(text)
        if found:
            return (
                f"does not replace {found[0]}, which {where} has. Read the metadata in the task, "
                "from the message that '{{$}}' stands for, or have the task before return the "
                "value as a parameter."
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
            # `sub_pipeline_texts` has already handled the inputs of tasks.
            return (
                f"does not fill in {what} where a condition, a loop or an importer in the "
                f"sub-pipeline takes the whole, as of `{name}`. Have a task put it together, and "
                "pass its output."
            )
    return None


def _concat_placeholder(node: specs.TaskNode) -> str | None:
    for where, text in command_texts(node):
        if text.startswith(('{"Concat":', '{"IfPresent":')) and _CONCAT.search(text):
            return f"does not replace a ConcatPlaceholder, which {where} has. Join inside the task."
    return None


RULES: tuple[Rule, ...] = (
    whole_artifact,
    _artifact_metadata,
    foreign_executor,
    loop_over_artifacts,
    _accelerator,
    request_over_limit,
    negative_retries,
    _importer,
    argument_without_value,
    _placeholders,
    _job_placeholder_in_text,
    _f_string_into_a_dag,
    _concat_placeholder,
)
