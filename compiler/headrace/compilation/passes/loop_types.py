"""Gives the items of loops over untyped lists the types that the tasks in the loop take.

kfp declares the item of a loop over a `list` as a text. Kubeflow's driver then turns each item into
a text, and fails if a task takes an integer, a list or a dict ("type mismatch: expect
NUMBER_INTEGER, got string"). With a `List[int]` kfp's result runs. So the item gets the type that
the tasks take, as if the author had written that list type.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.parameter_types import AUTHOR_NAMES
from headrace.ir.specs import Spec
from headrace_components.contract.templates import INPUT_PREFIX

_NUMBERS = {"NUMBER_INTEGER", "NUMBER_DOUBLE"}
_NUMBER = r"'(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'"
_OPERATOR = r" (?:==|!=|<=|>=|<|>) "
_TEXT = "-text"  # the end of the name of an input that has an item as a text


def apply_loop_types(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` with typed items of loops.

    Args:
        spec: A pipeline as kfp compiles it, with the items of loops wired.

    Raises:
        CompileError: Tasks of a loop take the item as values of different types.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        iterator = node.task.get("parameterIterator", {})
        item = iterator.get("itemInput")
        definition = specs.parameters(node.component).get(item, {})
        is_written = "raw" in iterator.get("items", {})
        if is_written or definition.get("parameterType") != "STRING" or "dag" not in node.component:
            continue
        kind = _kind(dict(_taken(result, node.component, item)), node, specs.pipeline_name(spec))
        if kind != "STRING":
            definition["parameterType"] = kind
            _declare(result, node.component, item, kind)
    return result


def _kind(taken: Mapping[str, str], node: specs.TaskNode, pipeline: str) -> str:
    """Returns the type that fits all who take the item; each by the type that it takes."""
    kinds = set(taken) - {"STRING"}
    if kinds == _NUMBERS:
        return "NUMBER_DOUBLE"
    if len(kinds) > 1:
        users = [f"{taken[kind]} as {AUTHOR_NAMES.get(kind, kind)}" for kind in sorted(kinds)]
        raise CompileError(
            f"{pipeline}: task `{node.label}`: the item of the loop is taken by "
            f"{' and by '.join(users)}, and no value is both. Loop over dicts with a key for each, "
            "or have the components take the same type."
        )
    return kinds.pop() if kinds else "STRING"


def _taken(spec: Spec, dag: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Yields the types of the inputs that a parameter of a DAG goes into, and whose they are."""
    for label, task, component, port in _users(spec, dag, name):
        if _is_passed_on(component, port):
            yield from _taken(spec, component, port)
        elif not _is_iterated(task, port):
            kind = specs.parameters(component).get(port, {}).get("parameterType", "STRING")
            yield kind, f"`{port}` of `{label}`"


def _users(
    spec: Spec, dag: Mapping[str, Any], name: str
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], str]]:
    for label, task in sorted(dag["dag"].get("tasks", {}).items()):
        component = specs.component_of_task(spec, task)
        for port, source in sorted(specs.parameter_inputs(task).items()):
            is_whole = "parameterExpressionSelector" not in source
            if source.get("componentInputParameter") == name and is_whole:
                yield label, task, component, port


def _is_passed_on(component: Mapping[str, Any], port: str) -> bool:
    """Returns whether kfp made the input for a condition or a loop, whose tasks take the value."""
    return "dag" in component and port.startswith(INPUT_PREFIX)


def _is_iterated(task: Mapping[str, Any], port: str) -> bool:
    iterator = task.get("parameterIterator", {})
    return port in (iterator.get("itemInput"), iterator.get("items", {}).get("inputParameter"))


def _declare(spec: Spec, dag: Mapping[str, Any], name: str, kind: str) -> None:
    """Declares the inputs of conditions and loops that a parameter of a DAG is passed on by."""
    for _, task, component, port in list(_users(spec, dag, name)):
        if _is_passed_on(component, port) and not _is_iterated(task, port):
            specs.parameters(component)[port]["parameterType"] = kind
            _compare(task, component, port, kind)
            _declare(spec, component, port, kind)


def _compare(task: dict[str, Any], component: dict[str, Any], port: str, kind: str) -> None:
    """Has a condition compare an item as kfp wrote it, with a text; numbers as numbers."""
    policy = task.get("triggerPolicy", {})
    variable = f"inputs.parameter_values['{port}']"
    condition = policy.get("condition", "")
    if variable not in condition:
        return
    if kind in _NUMBERS:
        condition = re.sub(
            rf"{re.escape(variable)}({_OPERATOR}){_NUMBER}",
            lambda match: f"double({variable}){match[1]}double({match[2]})",
            condition,
        )
    text = f"inputs.parameter_values['{port}{_TEXT}']"
    compared = re.sub(rf"(?<!double\(){re.escape(variable)}", lambda _: text, condition)
    if compared != condition:
        specs.parameter_inputs(task)[port + _TEXT] = dict(specs.parameter_inputs(task)[port])
        specs.parameters(component)[port + _TEXT] = {"parameterType": "STRING"}
    policy["condition"] = compared
