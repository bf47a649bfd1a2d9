"""Compares a function's arguments with the ports of its component. Standard library only."""

import ast
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.user_code.module_pack import is_packed, unpack

# The decorator of TFX. Others may change the arguments of a function.
_DECORATOR = "component"


def check_arguments(code: str, name: str, ports: Mapping[str, Any]) -> None:
    """Rejects ports that a function has no argument for, and arguments without a port.

    Args:
        code: The packed file; other files are not looked at.
        name: The function; nothing is known of a class.
        ports: The parameter `headrace_ports`.

    Raises:
        InputError: They do not fit each other. The message has file and line.
    """
    if not is_packed(code):
        return
    entry, files = unpack(code)
    function = _function(ast.parse(files[entry]), name)
    if function is None:
        return
    where = f"{name} ({entry}, line {function.lineno})"
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    given = _given(ports)
    unknown = [] if arguments.kwarg else [each for each in given if each not in names]
    if unknown:
        near = difflib.get_close_matches(unknown[0], [each for each in names if each not in given])
        advice = f"Did you mean {near[0]!r}?" if near else "Add the argument, or remove the port."
        raise InputError(
            f"{where} has no argument {unknown[0]!r}, expected one for each port {given}. {advice}"
        )
    # A function of TFX may take the artifact of a value, and set its `value`.
    settable = _values(ports) if any(map(_is_of_tfx, function.decorator_list)) else []
    missing = [each for each in _required(arguments) if each not in (*given, *settable)]
    if missing:
        raise InputError(
            f"{where} needs the arguments {missing}, which are no ports of the component. Declare "
            "them where the component is made, or give them defaults."
        )


def _function(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    for node in reversed(tree.body):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node if all(map(_is_of_tfx, node.decorator_list)) else None
    return None


def _is_of_tfx(decorator: ast.expr) -> bool:
    found = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = found.attr if isinstance(found, ast.Attribute) else getattr(found, "id", "")
    return bool(name == _DECORATOR)


def _given(ports: Mapping[str, Any]) -> list[str]:
    # The function returns outputs that are values.
    returned = _values(ports)
    outputs = [name for name in ports.get("outputs", {}) if name not in returned]
    return [*ports.get("inputs", {}), *outputs, *ports.get("parameters", {})]


def _values(ports: Mapping[str, Any]) -> list[str]:
    return [name for name, port in ports.get("outputs", {}).items() if "value" in port]


def _required(arguments: ast.arguments) -> Sequence[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    without = positional[: len(positional) - len(arguments.defaults)]
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [each.arg for each in (*without, *(each for each, value in pairs if value is None))]
