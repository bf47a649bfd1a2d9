"""Reads chosen fields of protobuf messages whose Python classes need TensorFlow.

A `Spec` names the fields; all others are skipped without a copy, so that the graph of a large
SavedModel costs nothing. Standard library only.

Format: https://protobuf.dev/programming-guides/encoding
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any

Spec = Mapping[int, tuple[str, Any]]
"""By number, the name of a field and its kind.

Kinds: `int`, `bool`, `float`, `double`, `text`, `bytes` and `wrapped` (a message around one number,
as in `google.protobuf.DoubleValue`), or the spec of a message. With `*` after the name the field is
repeated. A map is a repeated message of `key` and `value`.
"""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FORMATS = {"float": "<f", "double": "<d"}
_SIGN = 1 << 63


def decode(data: bytes | memoryview, spec: Spec) -> dict[str, Any]:
    """Returns the fields of a message by name.

    A field that the message lacks is None, an empty list if it is repeated.

    Raises:
        ValueError: The bytes are not such a message.
    """
    found: dict[str, Any] = {
        name.rstrip("*"): [] if name.endswith("*") else None for name, _ in spec.values()
    }
    for number, wire, value in fields(data):
        if number not in spec:
            continue
        name, kind = spec[number]
        if not name.endswith("*"):
            found[name] = _single(wire, value, kind)
        elif wire == _BYTES and kind in ("int", "bool", "float", "double"):
            found[name.rstrip("*")] += _packed(value, str(kind))
        else:
            found[name.rstrip("*")].append(_single(wire, value, kind))
    return found


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int, Any]]:
    """Yields number, wire type and raw value of each field: an integer, or a view of bytes.

    Raises:
        ValueError: The bytes are not a message.
    """
    view = memoryview(data)
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(view, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, at = _varint(view, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"byte {at} begins a field of the unknown wire type {wire}")
        if number == 0 or size > len(view) - at:
            raise ValueError(f"the field at byte {at} is longer than the message")
        yield number, wire, view[at : at + size]
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise ValueError("the message ends within a number")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
    raise ValueError(f"the number before byte {at} is longer than 64 bits")


def _single(wire: int, value: Any, kind: Any) -> Any:
    if isinstance(kind, str):
        return _scalar(wire, value, kind)
    if wire != _BYTES:
        raise ValueError("a number stands where a message belongs")
    return decode(value, kind)


def _scalar(wire: int, value: Any, kind: str) -> Any:
    if kind in ("int", "bool"):
        if wire != _VARINT:
            raise ValueError("bytes stand where a number belongs")
        signed = value - (1 << 64) if value & _SIGN else value
        return bool(signed) if kind == "bool" else signed
    if wire == _VARINT:
        raise ValueError("a number stands where bytes belong")
    if kind in _FORMATS:
        return _number(value, _FORMATS[kind])
    if kind == "wrapped":
        return _wrapped(value)
    return str(value, "utf-8", "replace") if kind == "text" else bytes(value)


def _wrapped(value: memoryview) -> float | int:
    for _, wire, inner in fields(value):
        if wire == _FIXED64:
            return _number(inner, "<d")
        if wire == _FIXED32:
            return _number(inner, "<f")
        return int(_scalar(wire, inner, "int"))
    return 0


def _number(value: memoryview, form: str) -> float:
    if len(value) != struct.calcsize(form):
        raise ValueError(f"{len(value)} bytes stand where a number belongs")
    return float(struct.unpack(form, value)[0])


def _packed(value: memoryview, kind: str) -> list[Any]:
    if kind in _FORMATS:
        form = _FORMATS[kind]
        count, rest = divmod(len(value), struct.calcsize(form))
        if rest:
            raise ValueError("a list of numbers ends within one")
        return list(struct.unpack(f"<{count}{form[1]}", value))
    found = []
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(_scalar(_VARINT, number, kind))
    return found
