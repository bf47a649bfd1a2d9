"""Type hints for JSON values, such as `dict[str, list[int]]`: what fits one."""

import types
import typing
from typing import Any

_UNIONS = (typing.Union, types.UnionType)


def has_type(value: Any, hint: Any) -> bool:
    """Returns whether a value is of the hinted type, down to its items."""
    if hint is Any:
        return True
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in _UNIONS:
        return any(has_type(value, each) for each in arguments)
    if hint is None:
        return value is None
    if not isinstance(origin, type) or not isinstance(value, origin):
        return False
    if not arguments:
        return True
    if isinstance(value, dict):
        return all(
            has_type(k, arguments[0]) and has_type(v, arguments[1]) for k, v in value.items()
        )
    if isinstance(value, (list, tuple)):
        return all(has_type(item, arguments[0]) for item in value)
    return True


def is_within(hint: Any, expected: Any) -> bool:
    """Returns whether each value of one hint is of the other, too."""
    if expected is Any or hint == expected:
        return True
    if hint is Any:
        return False
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    wanted, items = typing.get_origin(expected) or expected, typing.get_args(expected)
    if origin in _UNIONS:
        return all(is_within(each, expected) for each in arguments)
    if wanted in _UNIONS:
        return any(is_within(hint, each) for each in items)
    if origin is not wanted or (items and len(arguments) < len(items)):
        return False
    return all(is_within(*each) for each in zip(arguments, items, strict=False))
