"""The types of parameters: the values that backends accept, and the names that authors use."""

from collections.abc import Mapping
from typing import Any

AUTHOR_NAMES: Mapping[str, str] = {
    "STRING": "str",
    "NUMBER_INTEGER": "int",
    "NUMBER_DOUBLE": "float",
    "BOOLEAN": "bool",
    "LIST": "list",
    "STRUCT": "dict",
}
"""By `ParameterType`, the names that pipeline files use."""

_KINDS: Mapping[str, str] = {
    "NUMBER_INTEGER": "number",
    "NUMBER_DOUBLE": "number",
    "BOOLEAN": "bool",
    "LIST": "list",
    "STRUCT": "dict",
}


def kind_of(value: Any) -> str:
    """Returns the kind of JSON data: `bool`, `number`, `string`, `list`, `dict` or `null`."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    kinds: Mapping[type, str] = {str: "string", list: "list", dict: "dict"}
    return next((kind for type_, kind in kinds.items() if isinstance(value, type_)), "null")


def is_handed_on(value: Any, parameter_type: str | None) -> bool:
    """Returns whether Kubeflow's driver passes a value on to a parameter of a type.

    It makes a text from any value, and converts nothing else: `"3"` is not an integer, but 1.5 is
    accepted as one.

    Args:
        value: JSON data.
        parameter_type: `ParameterType` of the IR; None and other types accept any value.
    """
    return _KINDS.get(parameter_type or "", kind_of(value)) == kind_of(value)
