"""Reads configs that have the JSON form of a TFX proto message. Standard library only."""

from collections.abc import Mapping
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.reading import spellings, whole_number


def fields(
    component: str, where: str, message: Any, known: Mapping[str, type | tuple[type, ...]]
) -> dict[str, Any]:
    """Returns the fields of a message by their names in the proto file.

    protojson has two spellings, `output_key` and `outputKey`; both are read.

    Args:
        component: Name of the component, for error messages.
        where: What holds the message, for error messages, as "`data_spec`".
        message: The message as JSON.
        known: The type that each field has. `list` stands for a list of strings; whole numbers may
            come as floats or in quotes.

    Raises:
        InputError: The message is no object, or a field is unknown or of another type.
    """
    if not isinstance(message, Mapping):
        raise InputError(
            f"{component}: {where} is {message!r}, expected an object with the fields "
            f"{sorted(known)}. Pass a dict."
        )
    names = spellings(list(known))
    unknown = sorted(set(message) - set(names))
    if unknown:
        raise InputError(
            f"{component}: {where} has fields {unknown}, expected only {sorted(known)}. "
            "Correct their names, or leave them out."
        )
    found = {names[name]: value for name, value in message.items()}
    for name, value in found.items():
        if not _is_of(value, known[name]):
            raise InputError(
                f"{component}: `{name}` of {where} is {value!r}, expected "
                f"{_described(known[name])}. Pass one, or leave the field out."
            )
    return {n: whole_number(v) if known[n] is int else v for n, v in found.items()}


def strings(value: Any) -> bool:
    """Says whether a value is a list of strings."""
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _is_of(value: Any, kind: type | tuple[type, ...]) -> bool:
    if kind is list:
        return strings(value)
    if kind is int:
        number = whole_number(value)
        return number is not None and number >= 0
    return isinstance(value, kind)


def _described(kind: type | tuple[type, ...]) -> str:
    names = {
        list: "a list of strings",
        int: "a whole number of 0 or more",
        str: "a string",
        bool: "true or false",
        tuple: "a list",
    }
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return next((names[each] for each in kinds if each in names), "an object")
