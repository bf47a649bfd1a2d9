"""Holds what is known of each task against the rules of its component, before anything runs.

Headrace's components say themselves what they take: `headrace_components.early_checks`. What only
the run knows - an output of another task, an item of a loop, a run parameter while the pipeline is
compiled - is left out.
"""

import ast
from collections.abc import Mapping
from typing import Any

from headrace import ir
from headrace.errors import CompileError
from headrace.passes.module_files import MODULE_PARAMETER
from headrace.passes.split_checks import check_splits
from headrace.passes.templates import is_made_in_run
from headrace_components.early_checks import ask, checks_module, known_parameters
from headrace_components.errors import InputError
from headrace_components.user_code.module_functions import defined, missing_function
from headrace_components.user_code.module_pack import is_packed, unpack

_UNKNOWN = object()


def check_parameters(spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
    """Checks the parameters of all tasks that run Headrace's components.

    Args:
        spec: A pipeline whose defaults are explicit and whose module files are packed.
        values: Values of its run parameters; those that are missing have their defaults. None
            where they are not known yet.

    Raises:
        CompileError: No run could honour a parameter. The message names the task.
    """
    checked: dict[tuple[str, ...], Any] = {}
    for node in ir.tasks(spec):
        component = ir.headrace_component(node.container)
        if component is None:
            continue
        try:
            given = None if _is_conditional(node) else values
            params = known_parameters(component, _known(node, spec, given))
            if params is not None:
                _check(component, params)
                checked[node.path] = params
        except InputError as error:
            raise CompileError(f"task `{node.label}`: {error}") from error
    check_splits(spec, checked)


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


def _known(
    node: ir.TaskNode, spec: Mapping[str, Any], values: Mapping[str, Any] | None
) -> dict[str, Any]:
    found = {
        name: _value(node, name, spec, values)
        for name in ir.parameters(node.component)
        if name in ir.parameter_inputs(node.task)
    }
    return {name: value for name, value in found.items() if value is not _UNKNOWN}


def _value(
    node: ir.TaskNode, name: str, spec: Mapping[str, Any], values: Mapping[str, Any] | None
) -> Any:
    """Returns the value that a task gives a parameter, or `_UNKNOWN`."""
    if node.task.get("parameterIterator", {}).get("itemInput") == name:
        return _UNKNOWN
    source = ir.parameter_inputs(node.task).get(name, {})
    if "runtimeValue" in source:
        return _UNKNOWN if is_made_in_run(node, name) else ir.constant(source)
    outer = source.get("componentInputParameter")
    if outer is None or "parameterExpressionSelector" in source:
        return _UNKNOWN
    if node.parent is not None:
        return _value(node.parent, outer, spec, values)
    if values is None:
        return _UNKNOWN
    if values.get(outer) is not None:
        return values[outer]
    return ir.parameters(spec["root"]).get(outer, {}).get("defaultValue", _UNKNOWN)


def _is_conditional(node: ir.TaskNode) -> bool:
    """Says whether a condition decides if the task runs: a branch may be for other values."""
    if "condition" in node.task.get("triggerPolicy", {}):
        return True
    return node.parent is not None and _is_conditional(node.parent)
