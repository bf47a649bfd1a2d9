"""Takes f-strings, lists and dicts with parameters into the sub-pipelines that they are given to.

Kubeflow's driver fills in nothing at the start of a sub-pipeline. So the parts become inputs of the
sub-pipeline, and the tasks in it that take the whole value get the text, in which the parts are
filled in: see `templates` and `container_texts`. If a condition, a loop or an importer needs the
whole value, nothing is changed, and `target_limits` refuses it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.templates import PLACEHOLDER, RUN_PLACEHOLDER, texts
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.templates import INPUT_PREFIX

# The name of a task is another one in the sub-pipeline.
_OF_THE_TASK = re.compile(r"\{\{\$\.pipeline_task_\w+\}\}")


def apply_sub_pipeline_texts(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with values that are made of others moved to the tasks that take them.

    Args:
        spec: A pipeline for Kubeflow, as kfp compiles it.
    """
    result: Spec = specs.copy(spec)
    dags = [result["root"], *result["components"].values()]
    users = Counter(
        task["componentRef"]["name"] for dag in dags for task in specs.dag_tasks(dag).values()
    )
    for node in specs.tasks(result):  # a sub-pipeline before its tasks
        if "dag" in node.component and users[node.task["componentRef"]["name"]] == 1:
            for name, source in list(specs.parameter_inputs(node.task).items()):
                value = specs.constant(source)
                if _is_made(value) and _can_move(result, node, name, value):
                    _move(result, node, name, value)
    return result


def _is_made(value: Any) -> bool:
    if isinstance(value, str) and RUN_PLACEHOLDER.fullmatch(value):
        return False  # the driver fills that in
    return any(PLACEHOLDER.search(text) for text in texts(value))


def _can_move(spec: Spec, node: specs.TaskNode, name: str, value: Any) -> bool:
    """Returns whether all parts can be passed on, and all that take the whole can be given them."""
    given = specs.parameter_inputs(node.task)
    for text in texts(value):
        for match in PLACEHOLDER.finditer(text):
            source = given.get(match["input"] or "", {})
            is_known = match["job"] or _type(spec, node, source)
            if not is_known or _OF_THE_TASK.match(match[0]):
                return False
            if match["input"] and _inner(name, match["input"]) in specs.parameters(node.component):
                return False
    return all(_can_take(spec, task, port, value) for task, port in _users(node.component, name))


def _users(dag: Mapping[str, Any], name: str) -> list[tuple[dict[str, Any], str]]:
    """Returns the tasks of a DAG that take one of its inputs, and their ports."""
    return [
        (task, port)
        for task in dag["dag"]["tasks"].values()
        for port, source in specs.parameter_inputs(task).items()
        if source.get("componentInputParameter") == name
    ]


def _can_take(spec: Spec, task: Mapping[str, Any], port: str, value: Any) -> bool:
    component = specs.component_of_task(spec, task)
    condition = task.get("triggerPolicy", {}).get("condition", "")
    iterated = task.get("parameterIterator", {}).get("items", {}).get("inputParameter")
    is_asked = f"'{port}'" in condition or port == iterated
    is_importer = "importer" in specs.executor_of(spec, component)
    is_taken_apart = "parameterExpressionSelector" in specs.parameter_inputs(task)[port]
    # A port that kfp added stands in texts of the task: a text can be put there, a list cannot.
    is_part = port not in specs.parameters(component)
    return not (
        is_asked or is_importer or is_taken_apart or (is_part and not isinstance(value, str))
    )


def _type(spec: Spec, node: specs.TaskNode, source: Mapping[str, Any]) -> str | None:
    """Returns the `ParameterType` of a task's input; None if it is unknown."""
    if "parameterExpressionSelector" in source:
        return None
    if "componentInputParameter" in source:
        declared = specs.parameters(node.enclosing)
        name = source["componentInputParameter"]
    elif "taskOutputParameter" in source:
        producer = node.enclosing["dag"]["tasks"][source["taskOutputParameter"]["producerTask"]]
        component = specs.component_of_task(spec, producer)
        declared = specs.output_parameters(component)
        name = source["taskOutputParameter"]["outputParameterKey"]
    else:
        return None
    kind: str | None = declared.get(name, {}).get("parameterType")
    return kind


def _inner(name: str, outer: str) -> str:
    """Returns the name of a part in the sub-pipeline, such as `pipelinechannel--path--root`."""
    return f"{INPUT_PREFIX}{name.removeprefix(INPUT_PREFIX)}--{outer.removeprefix(INPUT_PREFIX)}"


def _move(spec: Spec, node: specs.TaskNode, name: str, value: Any) -> None:
    given, declared = specs.parameter_inputs(node.task), specs.parameters(node.component)
    outer = {name for text in texts(value) for name in specs.referenced_parameters(text)}
    inner = {each: _inner(name, each) for each in sorted(outer)}
    for each, inside in inner.items():
        given[inside] = dict(given[each])
        declared[inside] = {"parameterType": _type(spec, node, given[each])}
    whole = _renamed(value, inner)
    for task, port in _users(node.component, name):
        inputs = specs.parameter_inputs(task)
        component = specs.component_of_task(spec, task)
        inputs |= {inside: {"componentInputParameter": inside} for inside in inner.values()}
        if port in specs.parameters(component):
            inputs[port] = {"runtimeValue": {"constant": specs.copy(whole)}}
            continue
        del inputs[port]
        for source in inputs.values():
            if "runtimeValue" in source:
                source["runtimeValue"]["constant"] = _with_text(
                    specs.constant(source), f"{{{{$.inputs.parameters['{port}']}}}}", whole
                )
    del given[name], declared[name]
    others = {
        each
        for source in given.values()
        for text in texts(specs.constant(source))
        for each in specs.referenced_parameters(text)
    }
    for each in outer - others - set(declared):
        del given[each]


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    for outer, inner in names.items():
        placeholder = f"{{{{$.inputs.parameters['{outer}']}}}}"
        value = _with_text(value, placeholder, f"{{{{$.inputs.parameters['{inner}']}}}}")
    return value


def _with_text(value: Any, placeholder: str, text: str) -> Any:
    if isinstance(value, Mapping):
        return {
            key.replace(placeholder, text): _with_text(item, placeholder, text)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_text(item, placeholder, text) for item in value]
    return value.replace(placeholder, text) if isinstance(value, str) else value
