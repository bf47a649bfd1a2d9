"""TFX's `json_utils`: JSON text of values that hold classes, messages and Jsonable objects.

An object of these is a JSON object with `__tfx_object_type__` (`jsonable`, `class` or `proto`), the
`__module__` and `__class__` to import, and its state: fields of their own, or `__proto_value__`.
Standard library only; protobuf is imported when a value holds a message.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

_TYPE = "__tfx_object_type__"
_MODULE = "__module__"
_CLASS = "__class__"
_PROTO_VALUE = "__proto_value__"


class Jsonable:
    """An object whose attributes are its whole state; others define both methods anew."""

    def to_json_dict(self) -> dict[str, Any]:
        """Returns the state."""
        return self.__dict__

    @classmethod
    def from_json_dict(cls, dict_data: dict[str, Any]) -> Self:
        """Returns an object with this state."""
        instance = cls.__new__(cls)
        instance.__dict__ = dict_data
        return instance


JsonValue = bool | float | int | str | Mapping[str, Any] | Sequence[Any] | None
JsonableType = JsonValue | Jsonable | type | Any


def dumps(obj: Any) -> str:
    """Returns JSON text with sorted keys.

    Raises:
        TypeError: The value holds an object that JSON cannot.
    """
    return json.dumps(obj, default=_state, sort_keys=True)


def loads(s: str | bytes) -> Any:
    """Returns the value of JSON text.

    Raises:
        ValueError: The text is not JSON, or names a class of the wrong kind.
        ImportError: It names a module that does not exist.
    """
    return json.loads(s, object_hook=_object)


def _state(value: Any) -> Any:
    if isinstance(value, type):
        return {_TYPE: "class", _MODULE: value.__module__, _CLASS: value.__qualname__}
    kind = type(value)
    named = {_MODULE: kind.__module__, _CLASS: kind.__qualname__}
    if isinstance(value, Jsonable):
        return {_TYPE: "jsonable", **named, **value.to_json_dict()}
    if hasattr(value, "DESCRIPTOR") and hasattr(value, "SerializeToString"):
        from headrace_tfx.files import proto_utils

        text = proto_utils.proto_to_json(value)
        return {_TYPE: "proto", **named, _PROTO_VALUE: text}
    raise TypeError(
        f"{value!r} of type {kind.__name__} cannot be written as JSON. Use numbers, texts, lists, "
        "dicts, messages or a class derived from Jsonable"
    )


def _object(fields: dict[str, Any]) -> Any:
    if _TYPE not in fields:
        return fields
    state = dict(fields)
    kind = state.pop(_TYPE)
    named: Any = importlib.import_module(state.pop(_MODULE))
    for part in state.pop(_CLASS).split("."):
        named = getattr(named, part)
    if kind == "class":
        return named
    if kind == "jsonable" and isinstance(named, type) and issubclass(named, Jsonable):
        return named.from_json_dict(state)
    if kind == "proto" and hasattr(named, "DESCRIPTOR") and _PROTO_VALUE in state:
        from headrace_tfx.files import proto_utils

        return proto_utils.json_to_proto(state[_PROTO_VALUE], named())
    raise ValueError(
        f"the JSON text has an object of kind {kind!r} and class {named!r}, expected 'class', a "
        f"'jsonable' class, or a 'proto' message with {_PROTO_VALUE!r}"
    )
