"""Reads parameters that have the JSON form of a message of Vertex AI's API."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from headrace_components.contract.errors import InputError


def message(kind: Any, parameter: str, fields: Mapping[str, Any]) -> Any:
    """Returns a message with `fields`, named as in the proto or in camel case.

    Args:
        kind: Class of the message.
        parameter: Name of the parameter that gave the fields, for error messages.
        fields: Values by name.

    Raises:
        InputError: The message does not have this field, or a value does not fit the field's type.
    """
    plain = kind.pb(kind())
    try:
        json_format.ParseDict(dict(fields), plain)
    except json_format.ParseError as error:
        raise InputError(
            f"`{parameter}` is {dict(fields)!r}, expected fields of the API's "
            f"`{kind.__name__}`: {error}. Correct it."
        ) from error
    return kind.wrap(plain)
