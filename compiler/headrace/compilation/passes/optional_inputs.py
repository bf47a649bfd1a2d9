"""Finds the inputs of tasks that have a value, and those that a command line needs."""

import json
from collections.abc import Iterator
from typing import Any

from headrace.ir import specs

IF_PRESENT = '{"IfPresent"'
CONCAT = '{"Concat"'


def needed_without_value(node: specs.TaskNode) -> str | None:
    """Returns an optional parameter that the command line needs and that has no value, or None."""
    for text in words(node):
        for name in asked(text, frozenset()):
            is_declared = name in specs.parameters(node.component)
            may_do_without = name in specs.parameter_inputs(node.task) and may_be_skipped(node)
            if is_declared and not may_do_without and is_given(node, name) is False:
                return name
    return None


def is_given(node: specs.TaskNode, name: str) -> bool | None:
    """Returns whether an input parameter of a task has a value; None if only the run knows.

    Args:
        node: The task.
        name: The parameter.
    """
    source = specs.parameter_inputs(node.task).get(name)
    has_default = "defaultValue" in specs.parameters(node.component).get(name, {})
    if source is None:
        return has_default or name == node.task.get("parameterIterator", {}).get("itemInput")
    outer = source.get("componentInputParameter")
    if outer is None or has_default:
        return True
    if node.parent is not None:
        return is_given(node.parent, outer)
    declared = specs.parameters(node.enclosing).get(outer, {})
    return True if "defaultValue" in declared or not declared.get("isOptional") else None


def words(node: specs.TaskNode) -> tuple[str, ...]:
    """Returns the texts of a task's command line."""
    return (*node.container.get("command", ()), *node.container.get("args", ()))


def asked(argument: Any, assumed: frozenset[str]) -> Iterator[str]:
    """Yields the parameters that an argument cannot do without."""
    if isinstance(argument, str) and argument.startswith((IF_PRESENT, CONCAT)):
        argument = json.loads(argument)
    if isinstance(argument, str):
        yield from (name for name in specs.referenced_parameters(argument) if name not in assumed)
    elif isinstance(argument, list):
        for part in argument:
            yield from asked(part, assumed)
    elif "Concat" in argument:
        yield from asked(argument["Concat"], assumed)
    else:
        choice = argument["IfPresent"]
        yield from asked(choice["Then"], assumed | {choice["InputName"]})
        yield from asked(choice.get("Else", []), assumed)


def may_be_skipped(node: specs.TaskNode) -> bool:
    """Returns whether a condition around a task may prevent it from running."""
    parent = node.parent
    while parent is not None:
        if "condition" in parent.task.get("triggerPolicy", {}):
            return True
        parent = parent.parent
    return False
