"""Turns the parameter values of a message into a component's typed parameters."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from headrace_components.contract.errors import InputError
from headrace_components.contract.templates import whole_numbers

P = TypeVar("P")


def read(cls: type[P], values: Mapping[str, Any], component: str) -> P:
    """Returns the dataclass `cls`, filled from the values of an `ExecutorInput`.

    JSON has one number type, so `3.0` is read as the integer 3 where `cls` asks for one, and at any
    depth of an object; lists become tuples. A value that is absent takes the default of `cls`.

    Args:
        cls: A component's parameters. Field types: str, int, float, bool, `tuple[str, ...]`,
            `Mapping[str, Any]`, or one of these `| None`.
        values: Values by name.
        component: Name of the component, for error messages.

    Raises:
        InputError: A name is unknown, or a value is not of its field's type.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise InputError(
            f"{component}: unknown parameters {unknown}; it knows {sorted(fields)}. "
            "Compile the pipeline again with the Headrace version of the image."
        )
    return cls(**converted(cls, values, component))


def converted(cls: type[Any], values: Mapping[str, Any], component: str) -> dict[str, Any]:
    """Returns values in the types that the fields of `cls` have; arguments are as for `read`.

    Raises:
        InputError: A value is not of its field's type.
    """
    hints = typing.get_type_hints(cls)
    return {name: _convert(component, name, value, hints[name]) for name, value in values.items()}


def _convert(component: str, name: str, value: Any, hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        (hint,) = [option for option in typing.get_args(hint) if option is not type(None)]
    origin = typing.get_origin(hint) or hint
    if origin is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if origin is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(component, name, item, typing.get_args(hint)[0]) for item in value)
    if origin is int and isinstance(value, bool):
        pass  # bool is an int to Python, but a flag where a count is asked for is a mistake
    elif origin in (str, int, float, bool) and isinstance(value, origin):
        return value
    elif isinstance(value, Mapping) and origin not in (str, int, float, bool, tuple):
        return {key: whole_numbers(item) for key, item in value.items()}
    raise InputError(
        f"{component}: parameter `{name}` is {json.dumps(value)}, expected {_describe(hint)}."
    )


def _describe(hint: Any) -> str:
    names = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}
    origin = typing.get_origin(hint) or hint
    if origin is tuple:
        return "a list"
    return names.get(origin, "an object")
