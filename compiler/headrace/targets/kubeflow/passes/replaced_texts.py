"""Keeps or refuses texts that Kubeflow replaces on their way into a container.

Three programs look for their own placeholders in everything that a pod is started with, and mistake
data for templates: KFP's launcher `{{$}}`, `{{$.inputs...}}` and `{{$.outputs...}}`, Argo names
like `{{workflow.name}}`, Kubernetes `$$` and `$(NAME)`. `templates` and `container_texts` protect
the constants of a task. Data cannot be protected: a parameter of the run, an input of a
sub-pipeline, an item of a loop, an output of another task. The last one is not known beforehand.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.templates import RUN_PLACEHOLDER, fills_in, texts
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec

# Source: `validate.go` and `template.go` of Argo Workflows; it leaves other names alone.
ARGO = re.compile(
    r"\{\{=|\{\{\s*(?:cronworkflow|inputs|item|lastRetry|node|outputs|pod|retries|steps|tasks|workflow)"
    r"(?:\.[^{}]*)?\s*\}\}"
)
LAUNCHER = re.compile(r"\{\{\$(?:\}\}|\.(?:inputs|outputs)\b)")

_PORT = re.compile(r"\{\{\$\.(?:inputs|outputs)\b")
# A variable that Kubernetes or KFP gives a container, or an author: by custom in capitals.
VARIABLE = re.compile(r"\$\$|\$\([A-Z_][A-Z0-9_]*\)")


def apply_replaced_texts(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` without texts for people in which Argo would replace something.

    Args:
        spec: A pipeline that is to run on Kubeflow, after `apply_templates`.

    Raises:
        CompileError: Kubeflow would replace a text, and nothing keeps it from that.
    """
    pipeline = specs.pipeline_name(spec)
    declared = specs.parameters(spec["root"])
    defaults = {name: each.get("defaultValue") for name, each in declared.items()}
    check_data(spec, defaults, f"{pipeline}: the default of")
    for node in specs.tasks(spec):
        where = f"{pipeline}: task `{node.label}`:"
        _check_variables(node, where)
        check_data(spec, {"condition": node.task.get("triggerPolicy", {}).get("condition")}, where)
        if "dag" in node.component:
            check_data(spec, _given(node), where)
    result: Spec = specs.copy(spec)
    for component in result["components"].values():
        for port in (*specs.parameters(component).values(), *specs.artifacts(component).values()):
            _untagged(port)
    return result


def _untagged(port: dict[str, Any]) -> None:
    # Argo looks into declarations, too, and the API refuses a name that Argo does not know.
    if ARGO.search(port.get("description", "")):
        port["description"] = port["description"].replace("{{", "{ {")
    # Each task has its value since `apply_defaults`.
    if any(ARGO.search(text) for text in texts(port.get("defaultValue"))):
        del port["defaultValue"]


def check_data(spec: Mapping[str, Any], values: Mapping[str, Any], where: str) -> None:
    """Checks values that tasks get as data; no component can notice what was replaced in them.

    Args:
        spec: The pipeline.
        values: Values by name.
        where: Their description, for the message.

    Raises:
        CompileError: Kubeflow would replace a part of one.
    """
    # The launcher puts the message into arguments that have values, and into no message.
    has_arguments = any(
        node.container and not fills_in(node.container) for node in specs.tasks(spec)
    )
    patterns = (ARGO, LAUNCHER if has_arguments else _PORT, VARIABLE)
    for name, value in values.items():
        for text in texts(value):
            found = next(filter(None, (pattern.search(text) for pattern in patterns)), None)
            if found:
                raise CompileError(
                    f"{where} `{name}` holds {found[0]!r}, which Kubeflow replaces on the way into "
                    "a container. Write the text at the task itself, where it is a constant, or "
                    "put it into a file and pass its URI."
                )


def _given(dag: specs.TaskNode) -> dict[str, Any]:
    """Returns the constants and the items of a loop that the tasks of a DAG get as data."""
    given = {
        name: specs.constant(source) for name, source in specs.parameter_inputs(dag.task).items()
    }
    raw = dag.task.get("parameterIterator", {}).get("items", {}).get("raw")
    given |= {"items": json.loads(raw)} if raw else {}
    return {
        name: value
        for name, value in given.items()
        if not (isinstance(value, str) and RUN_PLACEHOLDER.fullmatch(value))
    }


def _check_variables(node: specs.TaskNode, where: str) -> None:
    for variable in node.container.get("env", ()):
        name, text = variable["name"], variable.get("value", "")
        found = RUN_PLACEHOLDER.search(text)
        if found:
            raise CompileError(
                f"{where} target kubeflow does not replace {found[0]} in variables, which `{name}` "
                "has. Pass the value as a parameter."
            )
        found = ARGO.search(text)
        if found:
            raise CompileError(
                f"{where} the variable `{name}` holds {found[0]!r}, which Argo replaces on target "
                "kubeflow. Pass the text as a parameter, and set the variable in the program."
            )
