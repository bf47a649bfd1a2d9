"""The parameters of a task before it runs, as far as they are known. Standard library only.

A component's parameters check themselves: types by `parameters.read`, values in their dataclass.
Other rules are the `EarlyChecks` of its declaration. A value that only the run knows is missing in
the dataclass; a check that reads it ends.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from headrace_components.contract.declaration import find, json_type
from headrace_components.contract.errors import InputError, named
from headrace_components.contract.parameters import converted

T = TypeVar("T")


def known_parameters(component: str, values: Mapping[str, Any]) -> Any:
    """Returns a component's parameters of which some are not known; None for no such component.

    Args:
        component: Name of the component.
        values: The values that are known, by name. Names that are not parameters count for nothing.

    Returns:
        An instance of its dataclass, without the attributes that `values` lacks.

    Raises:
        InputError: A value is of another type, or no run could honour it.
    """
    declared = find(component)
    if declared is None:
        return None
    cls = declared.parameters
    names = {field.name for field in dataclasses.fields(cls)}
    known = converted(cls, {k: v for k, v in values.items() if k in names}, component)
    with named(component):
        if len(known) == len(names):
            return cls(**known)
        partial = object.__new__(cls)
        for name, value in known.items():
            object.__setattr__(partial, name, value)
        check = getattr(partial, "__post_init__", None)
        if check is not None and not _ends(check):
            _check_with_defaults(cls, known, names - set(known))
    return partial


def ask(check: Callable[..., T] | None, params: Any, *args: Any) -> T | None:
    """Returns the result of one of a component's `EarlyChecks`.

    Returns None if the check does not exist, or if it reads an unknown value.
    """
    if check is None:
        return None
    try:
        return check(params, *args)
    except AttributeError as error:
        if error.obj is params:
            return None
        raise


def _ends(check: Callable[[], Any]) -> bool:
    try:
        check()
    except AttributeError as error:
        if error.obj is getattr(check, "__self__", None):
            return False
        raise
    return True


def _check_with_defaults(cls: type[Any], known: Mapping[str, Any], unknown: set[str]) -> None:
    """Checks the known values together with the defaults of the unknown ones.

    An error that names an unknown parameter may be about its default, which is not an error of the
    author.
    """
    values = dict(known)
    for field in dataclasses.fields(cls):
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if field.name in unknown and not has_default:
            is_message = dataclasses.is_dataclass(field.type)
            kind: Any = field.type if is_message else json_type(field.type) or str
            values[field.name] = "unknown" if kind is str else kind()
    try:
        cls(**values)
    except InputError as error:
        named = {name for name in unknown if f"`{name}`" in str(error)}
        if not named:
            raise
