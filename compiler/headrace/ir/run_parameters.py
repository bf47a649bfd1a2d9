"""Checks the parameters of a run against the declarations of the pipeline."""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.ir.arguments import with_defaults
from headrace.ir.carried_numbers import changed, words
from headrace.ir.view import ComponentSpec
from headrace_components.contract.errors import InputError

_EXAMPLES = {"LIST": '["a", "b"]', "STRUCT": '{"key": "value"}'}


_RUN = "headrace run"


def from_command_line(
    assignments: Iterable[str], root: ComponentSpec, command: str = _RUN
) -> dict[str, Any]:
    """Returns parameter values from `name=value` texts, read by the parameters' declared types.

    Args:
        assignments: The texts.
        root: The pipeline.
        command: The command that got them, for messages.

    Raises:
        InputError: A text has no `=`, a name is unknown, or a value does not fit its type.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise InputError(
                f"{command}: -p got {assignment!r}, expected name=value. "
                f"The pipeline's parameters are {sorted(root.input_parameters)}."
            )
        _check_name(name, root, command)
        kind = root.input_parameters[name]["parameterType"]
        values[name] = _from_text(name, text, kind, command)
    return values


def checked(values: Mapping[str, Any], root: ComponentSpec, command: str = _RUN) -> dict[str, Any]:
    """Returns the values of all of the pipeline's parameters, in their declared types.

    Args:
        values: Those that are given.
        root: The pipeline.
        command: The command that got them, for messages.

    Raises:
        InputError: A name is unknown, a value is of another type or a number that a pipeline
            cannot carry, or a required one is missing.
    """
    check_given(values, root, command)
    missing = [
        name
        for name, definition in root.input_parameters.items()
        if values.get(name) is None
        and "defaultValue" not in definition
        and not definition.get("isOptional")
    ]
    if missing:
        raise InputError(
            f"{command}: pipeline {root.name!r} needs a value for {', '.join(missing)}. "
            f"Pass it, for example -p {missing[0]}=VALUE."
        )
    return with_defaults(values, root, command)


def check_given(values: Mapping[str, Any], root: ComponentSpec, command: str) -> None:
    """Refuses values that the pipeline does not take.

    Args:
        values: Some of the run's, by parameter.
        root: The pipeline.
        command: Who gives them, for messages.

    Raises:
        InputError: A name is unknown, or a value is of another type or a number that a pipeline
            cannot carry.
    """
    for name, value in values.items():
        _check_name(name, root, command)
        _check_type(name, value, root.input_parameters[name]["parameterType"], command)
        if (number := changed(value)) is not None:
            raise InputError(f"{command}: parameter {name!r}: {words(number)}")


def _check_name(name: str, root: ComponentSpec, command: str) -> None:
    known = sorted(root.input_parameters)
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise InputError(
        f"{command}: pipeline {root.name!r} has no parameter {name!r}. {hint}"
        f"It has {known}. Use one of those."
    )


def _check_type(name: str, value: Any, kind: str, command: str) -> None:
    is_text_for_other = isinstance(value, str) and kind != "STRING"
    is_other_for_text = value is not None and not isinstance(value, str) and kind == "STRING"
    if is_text_for_other or is_other_for_text:
        raise InputError(
            f"{command}: parameter {name!r} is {value!r}, but it is a {kind}. "
            "Pass a value of that type."
        )


def _from_text(name: str, text: str, kind: str, command: str) -> Any:
    if kind == "STRING":
        return text
    if kind not in _EXAMPLES:
        value: Any = text
    else:
        try:
            value = json.loads(text)
        except ValueError as error:
            raise InputError(
                f"{command}: parameter {name!r} is {text!r}, which is not JSON ({error}). "
                f"Write -p '{name}={_EXAMPLES[kind]}'."
            ) from error
    declaration = {"inputDefinitions": {"parameters": {name: {"parameterType": kind}}}}
    component = ComponentSpec(name="run", body=declaration)
    return with_defaults({name: value}, component, command)[name]
