"""Checks the known parameters of each task with the rules of its component, before anything runs.

Headrace's components declare these rules: `headrace_components.contract.early_checks`. Values that
only the run knows - an output of another task, an item of a loop, a run parameter while the
pipeline is compiled - are left out.
"""

import ast
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.known_values import Known, is_conditional, loop_items
from headrace.compilation.passes.split_checks import check_splits
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.tasks import TaskPath
from headrace_components.contract.declaration import early_checks, module_parameter
from headrace_components.contract.early_checks import ask, known_parameters
from headrace_components.contract.errors import InputError, named
from headrace_components.library.user_code.module_functions import defined, missing_function
from headrace_components.library.user_code.module_pack import is_packed, unpack


def check_parameters(spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
    """Checks the parameters of all tasks that run Headrace's components.

    Args:
        spec: A pipeline whose defaults are explicit and whose module files are packed.
        values: Values of its run parameters; missing ones have their defaults. None if they are not
            known yet.

    Raises:
        CompileError: No run could honour a parameter. The message names the task.
    """
    checked: dict[TaskPath, Any] = {}
    for node in specs.tasks(spec):
        component = node.headrace_name
        if component is None:
            continue
        given = None if is_conditional(node) else values
        try:
            for items in loop_items(node):
                known = Known(spec, given, items).of(node, component)
                params = known_parameters(component, known)
                if params is not None:
                    _check(component, params)
        except InputError as error:
            raise CompileError(f"task `{node.label}`: {error}") from error
        params = known_parameters(component, Known(spec, given, {}).of(node, component))
        if params is not None:
            checked[node.path] = params
    check_splits(spec, checked)


def _check(component: str, params: Any) -> None:
    checks = early_checks(component)
    with named(component):
        ask(checks.check, params)
        for names in ask(checks.functions, params) or ():
            _check_module(getattr(params, module_parameter(component)), names)


def _check_module(module_file: str, names: tuple[str, ...]) -> None:
    if not is_packed(module_file):
        return  # behind a URI
    entry, files = unpack(module_file)
    found = defined(ast.parse(files[entry]))
    if found is not None and not found[0] & set(names):
        raise missing_function(entry, names, found[1])
