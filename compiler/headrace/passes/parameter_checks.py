"""Holds what is known of each task against the rules of its component, before anything runs.

Headrace's components say themselves what they take: `headrace_components.early_checks`. What only
the run knows - an output of another task, an item of a loop, a run parameter while the pipeline is
compiled - is left out.
"""

import ast
import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from headrace import ir
from headrace.errors import CompileError
from headrace.passes.module_files import MODULE_PARAMETER
from headrace.passes.split_checks import check_splits
from headrace.passes.templates import is_made_in_run
from headrace_components.early_checks import ask, checks_module, known_parameters
from headrace_components.errors import InputError
from headrace_components.templates import TEMPLATES_INPUT, fill
from headrace_components.user_code.module_functions import defined, missing_function
from headrace_components.user_code.module_pack import is_packed, unpack

Path = tuple[str, ...]

_UNKNOWN = object()
_MAX_ITEMS = 100  # of a loop: a mistake is seldom in later ones alone


def check_parameters(spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
    """Checks the parameters of all tasks that run Headrace's components.

    Args:
        spec: A pipeline whose defaults are explicit and whose module files are packed.
        values: Values of its run parameters; those that are missing have their defaults. None
            where they are not known yet.

    Raises:
        CompileError: No run could honour a parameter. The message names the task.
    """
    checked: dict[Path, Any] = {}
    for node in ir.tasks(spec):
        component = ir.headrace_component(node.container)
        if component is None:
            continue
        given = None if _is_conditional(node) else values
        try:
            for items in _loop_items(node):
                known = _Known(spec, given, items).of(node, component)
                params = known_parameters(component, known)
                if params is not None:
                    _check(component, params)
        except InputError as error:
            raise CompileError(f"task `{node.label}`: {error}") from error
        params = known_parameters(component, _Known(spec, given, {}).of(node, component))
        if params is not None:
            checked[node.path] = params
    check_splits(spec, checked)


def _loop_items(node: ir.TaskNode) -> Iterator[Mapping[Path, Any]]:
    """Yields items of the loops around a task that are known: those of one loop at a time."""
    yield {}
    loop: ir.TaskNode | None = node
    while loop is not None:
        raw = loop.task.get("parameterIterator", {}).get("items", {}).get("raw")
        for item in json.loads(raw)[:_MAX_ITEMS] if raw else ():
            yield {loop.path: item}
        loop = loop.parent


def _check(component: str, params: Any) -> None:
    rules: Any = checks_module(component)
    if hasattr(rules, "check"):
        ask(rules.check, params)
    if hasattr(rules, "functions"):
        for names in ask(rules.functions, params) or ():
            _check_module(component, getattr(params, MODULE_PARAMETER), names)


def _check_module(component: str, module_file: str, names: tuple[str, ...]) -> None:
    if not is_packed(module_file):
        return  # behind a URI
    entry, files = unpack(module_file, component)
    found = defined(ast.parse(files[entry]))
    if found is not None and not found[0] & set(names):
        raise missing_function(component, entry, names, found[1])


class _Known:
    """What is known of the parameters of tasks.

    Args:
        spec: The pipeline.
        values: Values of its run parameters; None where they are not known.
        items: Items of loops, by path of the loop.
    """

    def __init__(
        self, spec: Mapping[str, Any], values: Mapping[str, Any] | None, items: Mapping[Path, Any]
    ) -> None:
        self._spec = spec
        self._values = values
        self._items = items

    def of(self, node: ir.TaskNode, component: str) -> dict[str, Any]:
        """Returns the values that a task gives its parameters, those that are known, by name."""
        inputs = ir.parameter_inputs(node.task)
        found = {name: self._value(node, name) for name in inputs}
        known = {name: value for name, value in found.items() if value is not _UNKNOWN}
        for name, kind in (known.get(TEMPLATES_INPUT) or {}).items():
            template = {TEMPLATES_INPUT: {name: kind}, name: ir.constant(inputs[name])}
            # What it is made of may be known by now.
            with contextlib.suppress(InputError):
                known.update(fill({**known, **template}, component))
        return known

    def _value(self, node: ir.TaskNode, name: str) -> Any:
        """Returns the value that a task gives a parameter, or `_UNKNOWN`."""
        if node.task.get("parameterIterator", {}).get("itemInput") == name:
            return self._items.get(node.path, _UNKNOWN)
        source = ir.parameter_inputs(node.task).get(name, {})
        if "runtimeValue" in source:
            return _UNKNOWN if is_made_in_run(node, name) else ir.constant(source)
        outer = source.get("componentInputParameter")
        if outer is None or "parameterExpressionSelector" in source:
            return _UNKNOWN
        if node.parent is not None:
            return self._value(node.parent, outer)
        if self._values is None:
            return _UNKNOWN
        if self._values.get(outer) is not None:
            return self._values[outer]
        return ir.parameters(self._spec["root"]).get(outer, {}).get("defaultValue", _UNKNOWN)


def _is_conditional(node: ir.TaskNode) -> bool:
    """Says whether a condition decides if the task runs: a branch may be for other values."""
    if "condition" in node.task.get("triggerPolicy", {}):
        return True
    return node.parent is not None and _is_conditional(node.parent)
