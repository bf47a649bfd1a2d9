"""Corrects messages of Kubeflow to Python components that kfp's own executor does not expect.

Its driver gives an exit task the state from ML Metadata: `COMPLETE` after a success, `RUNNING` if
all tasks were skipped, and never a reason. A handler that compares with `SUCCEEDED` would treat a
success as a failure. The driver also gives no type of an input artifact, without which the executor
of kfp 2.13 cannot read a list of them. The program that starts a Python component adds both to its
message: `headrace_components.contract.filler`. Other containers read the original message.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.compilation.passes.python_commands import with_filler
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.filler import FINAL_STATUS
from headrace_components.contract.templates import TEMPLATES_INPUT

_ANY = "system.Artifact"


def apply_python_messages(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with Python components that get the message which kfp documents.

    Args:
        spec: A pipeline for Kubeflow, after the pass that writes templates.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        if not specs.is_python_component(node.container):
            continue
        wanted = {**dict.fromkeys(_statuses(node), FINAL_STATUS), **_lists(node)}
        if wanted:
            inputs = node.task.setdefault("inputs", {}).setdefault("parameters", {})
            kinds = specs.constant(inputs.get(TEMPLATES_INPUT, {})) or {}
            inputs[TEMPLATES_INPUT] = {"runtimeValue": {"constant": {**kinds, **wanted}}}
            node.container["command"] = with_filler(node.container, is_asked=True)
    return result


def untranslated(spec: Mapping[str, Any]) -> list[str]:
    """Returns a line for each task that reads a final status in Kubeflow's form."""
    return [
        f"{specs.pipeline_name(spec)}: task `{node.label}`: `{name}` has the state COMPLETE or "
        "RUNNING after a success on Kubeflow, and no reason after a failure. Compare the state "
        "with FAILED, or write the component with @dsl.component."
        for node in specs.tasks(spec)
        for name in _statuses(node)
        if node.container and not specs.is_python_component(node.container)
    ]


def _statuses(node: specs.TaskNode) -> Iterator[str]:
    for name, source in specs.parameter_inputs(node.task).items():
        if "taskFinalStatus" in source:
            yield name


def _lists(node: specs.TaskNode) -> dict[str, str]:
    """Returns the types of the input artifacts that are lists, of those that kfp knows."""
    titles = {
        port: definition["artifactType"].get("schemaTitle", _ANY)
        for port, definition in specs.artifacts(node.component).items()
        if definition.get("isArtifactList")
    }
    return {port: title if title.startswith("system.") else _ANY for port, title in titles.items()}
