"""Has Python components read how a task ended in the words that kfp documents.

Kubeflow's driver tells an exit task the state that ML Metadata has: `COMPLETE` after a success,
`RUNNING` where all tasks were skipped, and never a reason. A handler that compares with `SUCCEEDED`
would take a success for a failure. What starts a Python component puts it right in its message:
`headrace_components.filler`. Other containers read the message as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace import ir
from headrace.ir import Spec
from headrace.passes.python_commands import with_filler
from headrace_components.filler import FINAL_STATUS
from headrace_components.templates import TEMPLATES_INPUT


def apply_final_status(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with Python components that translate the final status.

    Args:
        spec: A pipeline for Kubeflow, after the pass that writes templates.
    """
    result: Spec = ir.copy(spec)
    for node, name in list(_told(result)):
        if not ir.is_python_component(node.container):
            continue
        inputs = ir.parameter_inputs(node.task)
        kinds = ir.constant(inputs.get(TEMPLATES_INPUT, {})) or {}
        constant = {**kinds, name: FINAL_STATUS}
        inputs[TEMPLATES_INPUT] = {"runtimeValue": {"constant": constant}}
        node.container["command"] = with_filler(node.container, is_asked=True)
    return result


def untranslated(spec: Mapping[str, Any]) -> list[str]:
    """Returns a line for each task that reads a final status as Kubeflow tells it."""
    return [
        f"{ir.pipeline_name(spec)}: task `{node.label}`: `{name}` has the state COMPLETE or "
        "RUNNING after a success on Kubeflow, and no reason after a failure. Compare the state "
        "with FAILED, or write the component with @dsl.component."
        for node, name in _told(spec)
        if node.container and not ir.is_python_component(node.container)
    ]


def _told(spec: Mapping[str, Any]) -> Iterator[tuple[ir.TaskNode, str]]:
    for node in ir.tasks(spec):
        for name, source in ir.parameter_inputs(node.task).items():
            if "taskFinalStatus" in source:
                yield node, name
