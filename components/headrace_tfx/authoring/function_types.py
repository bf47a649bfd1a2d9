"""The types of values in `@component` functions. Standard library only."""

import types
import typing
from typing import Any

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.values import Boolean, Bytes, Float, Integer, JsonValue, String

_UNIONS = (typing.Union, types.UnionType)
_VALUES: dict[Any, type[Artifact]] = {
    int: Integer,
    float: Float,
    str: String,
    bytes: Bytes,
    bool: Boolean,
}
_ITEMS = (int, float, str, bool, types.NoneType, Any)


def is_json_type(hint: Any) -> bool:
    """Returns whether a hint is `dict[str, T]`, `list[T]`, or a union of these and None.

    `T` is such a hint, int, float, str, bool, None, Any, or a union of these.
    """
    return _is_json(hint, is_item=False)


def _is_json(hint: Any, *, is_item: bool) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        return len(arguments) == 2 and arguments[0] is str and _is_json(arguments[1], is_item=True)
    if origin is list:
        return len(arguments) == 1 and _is_json(arguments[0], is_item=True)
    if origin in _UNIONS:
        parts = [each for each in arguments if is_item or each is not types.NoneType]
        return all(_is_json(each, is_item=is_item) for each in parts)
    return is_item and (hint in _ITEMS or hint is None)


def without_none(hint: Any) -> tuple[Any, bool]:
    """Returns `T` and True of `Optional[T]` for one type T; else the hint and False."""
    if typing.get_origin(hint) in _UNIONS:
        others = [each for each in typing.get_args(hint) if each is not types.NoneType]
        if len(others) == 1 and len(typing.get_args(hint)) == 2:
            return others[0], True
    return hint, False


def value_type(hint: Any) -> type[Artifact] | None:
    """Returns the class of artifacts that carries values of a hint; None if there is none."""
    plain, _ = without_none(hint)
    try:
        found = _VALUES.get(plain)
    except TypeError:  # an annotation that cannot be a key
        return None
    if found is not None:
        return found
    return JsonValue if is_json_type(hint) else None
