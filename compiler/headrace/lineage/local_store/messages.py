"""Translates between plain values and the messages of ML Metadata."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from headrace_components.contract.property_types import decoded

# Custom property in which TFX keeps an `ExecutionResult` message as JSON.
_EXECUTION_RESULT = "__execution_result__"

NODE = "__node__"
"""Custom property with the name of an execution's task while it has no `node` context."""

# The range of the column in a MySQL store; SQLite would accept 64 bits.
_INTEGERS = range(-(2**31), 2**31)
_FIELDS = {
    "BOOLEAN": "bool_value",
    "DOUBLE": "double_value",
    "INT": "int_value",
    "STRING": "string_value",
}
_PLAIN_VALUES = ("int_value", "double_value", "string_value", "bool_value")

# A literal password in a URL; `${NAME}` names an environment variable and is not secret.
_PASSWORD = re.compile(r"(?<=://)([^\s/?#:@]*):(?!\$\{\w+\}@)[^\s/?#@]+@")


def set_value(properties: Any, name: str, value: Any) -> None:
    """Sets a property of a message. Values that fit no column become JSON text.

    The password of a URL is left out, because many people read a store, and its contents stay.
    """
    if isinstance(value, bool):
        properties[name].bool_value = value
    elif isinstance(value, int) and value in _INTEGERS:
        properties[name].int_value = value
    elif isinstance(value, float):
        properties[name].double_value = value
    elif isinstance(value, str):
        properties[name].string_value = without_passwords(value)
    else:
        text = json.dumps(value, sort_keys=True)
        properties[name].string_value = without_passwords(text)


def set_typed(properties: Any, name: str, kind: str, value: Any) -> None:
    """Sets a property of a known type from an entry of metadata.

    Args:
        properties: Those of a message.
        name: The property.
        kind: Its type, one of `property_types.KINDS`.
        value: The entry, in the form of `property_types`.
    """
    target = properties[name]
    if kind == "STRUCT":
        held = decoded(kind, value)
        # As in TFX: a Struct holds objects alone.
        target.struct_value.update(held if isinstance(held, dict) else {"__value__": held})
    elif kind == "PROTO":
        target.proto_value.ParseFromString(base64.b64decode(value))
    else:
        setattr(target, _FIELDS[kind], decoded(kind, value))


def without_passwords(text: str) -> str:
    """Returns a text in which no URL has a password."""
    return _PASSWORD.sub(r"\1:***@", text)


def values(properties: Any) -> dict[str, Any]:
    """Returns the properties of a message that are plain values, by name."""
    return {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in properties.items()
        if value.WhichOneof("value") in _PLAIN_VALUES
    }


def set_reason(execution: Any, reason: str) -> None:
    """Records why an execution failed, in TFX's place."""
    result = json.dumps({"resultMessage": reason, "code": 1})
    set_value(execution.custom_properties, _EXECUTION_RESULT, result)


def reason_of(properties: Mapping[str, Any]) -> str | None:
    """Returns why an execution with these properties failed, or None if they do not say."""
    result = json.loads(str(properties.get(_EXECUTION_RESULT, "{}")))
    reason = result.get("resultMessage")
    return None if reason is None else str(reason)


def path_steps(event: Any) -> list[tuple[str, int]]:
    """Returns the (port, index) pairs of an event: several, if one artifact is on two ports."""
    steps = list(event.path.steps)
    return [(steps[i].key, steps[i + 1].index) for i in range(0, len(steps) - 1, 2)]


def event_kind(event: Any) -> str:
    """Returns the name of an event's type, such as `OUTPUT`."""
    return str(type(event).Type.Name(event.type))
