"""The known parameters of tasks before a run.

An output of another task is not, nor an item of a loop over one, nor a run parameter while the
pipeline is compiled.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.compilation.passes.templates import is_made_in_run
from headrace.ir import specs
from headrace.profiles.tasks import TaskPath
from headrace_components.contract.errors import InputError
from headrace_components.contract.templates import TEMPLATES_INPUT, fill

_UNKNOWN = object()
_MAX_ITEMS = 100  # of a loop: a mistake is seldom in later ones alone


def loop_items(node: specs.TaskNode) -> Iterator[Mapping[TaskPath, Any]]:
    """Yields known items of the loops around a task: those of one loop at a time."""
    yield {}
    loop: specs.TaskNode | None = node
    while loop is not None:
        raw = loop.task.get("parameterIterator", {}).get("items", {}).get("raw")
        for item in json.loads(raw)[:_MAX_ITEMS] if raw else ():
            yield {loop.path: item}
        loop = loop.parent


class Known:
    """The known parameters of tasks.

    Args:
        spec: The pipeline.
        values: Values of its run parameters; None if they are not known.
        items: Items of loops, by path of the loop.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        values: Mapping[str, Any] | None,
        items: Mapping[TaskPath, Any],
    ) -> None:
        self._spec = spec
        self._values = values
        self._items = items

    def of(self, node: specs.TaskNode, component: str) -> dict[str, Any]:
        """Returns the values that a task gives its parameters, those that are known, by name."""
        inputs = specs.parameter_inputs(node.task)
        found = {name: self._value(node, name) for name in inputs}
        known = {name: value for name, value in found.items() if value is not _UNKNOWN}
        for name, kind in (known.get(TEMPLATES_INPUT) or {}).items():
            template = {TEMPLATES_INPUT: {name: kind}, name: specs.constant(inputs[name])}
            # The values that it is made of may be known by now.
            with contextlib.suppress(InputError):
                known.update(fill({**known, **template}, component))
        return known

    def items(self, node: specs.TaskNode) -> list[Any] | None:
        """Returns the items of a loop; None if they are not known, and for other tasks."""
        items = node.task.get("parameterIterator", {}).get("items", {})
        if "raw" in items:
            found: Any = json.loads(items["raw"])
        else:
            found = self._value(node, items.get("inputParameter", ""))
        return found if isinstance(found, list) else None

    def _value(self, node: specs.TaskNode, name: str) -> Any:
        """Returns the value that a task gives a parameter, or `_UNKNOWN`."""
        if node.task.get("parameterIterator", {}).get("itemInput") == name:
            return self._items.get(node.path, _UNKNOWN)
        source = specs.parameter_inputs(node.task).get(name, {})
        if "runtimeValue" in source:
            return _UNKNOWN if is_made_in_run(node, name) else specs.constant(source)
        outer = source.get("componentInputParameter")
        if outer is None or "parameterExpressionSelector" in source:
            return _UNKNOWN
        if node.parent is not None:
            return self._value(node.parent, outer)
        if self._values is None:
            return _UNKNOWN
        if self._values.get(outer) is not None:
            return self._values[outer]
        return specs.parameters(self._spec["root"]).get(outer, {}).get("defaultValue", _UNKNOWN)


def is_conditional(node: specs.TaskNode) -> bool:
    """Returns whether a condition decides if the task runs: a branch may be for other values."""
    if "condition" in node.task.get("triggerPolicy", {}):
        return True
    return node.parent is not None and is_conditional(node.parent)
