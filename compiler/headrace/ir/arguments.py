"""Values for the parameters of a component: in their declared types, with defaults."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from headrace.ir.values import coerce
from headrace.ir.view import ComponentSpec
from headrace_components.contract.errors import InputError
from headrace_components.contract.templates import INPUT_PREFIX


def with_defaults(
    values: Mapping[str, Any], component: ComponentSpec, where: str
) -> dict[str, Any]:
    """Returns the values in their declared types, with defaults for those that are not there."""
    return typed(dict(values), component, where, coerce)


def typed(
    values: dict[str, Any],
    component: ComponentSpec,
    where: str,
    convert: Callable[[Any, str | None, str], Any],
) -> dict[str, Any]:
    """Returns the values in a component's declared types, with its defaults.

    Args:
        values: Values by parameter.
        component: The component.
        where: Its task, for error messages.
        convert: Makes a value one of a type: value, `ParameterType`, words for error messages.

    Raises:
        InputError: A value is not of its type, or a required one is missing.
    """
    for name, definition in component.input_parameters.items():
        kind = definition.get("parameterType")
        value = values.get(name)
        if value is None and "defaultValue" in definition:
            value = definition["defaultValue"]
        if value is not None:
            values[name] = _finite(convert(value, kind, f"{where}: `{name}`"), name, where)
        elif definition.get("isOptional") or (component.is_dag and name.startswith(INPUT_PREFIX)):
            # A value that kfp passes into a condition or a loop is optional if its source is
            # optional.
            values.pop(name, None)
        else:
            raise InputError(
                f"{where}: `{name}` has no value and no default. Connect it to a task that always "
                "runs, or pass a value."
            )
    return values


def _finite(value: Any, name: str, where: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(
            f"{where}: `{name}` is {value}, which is not a number in KFP's messages. Give it as a "
            "string, or leave an optional parameter out."
        )
    return value
