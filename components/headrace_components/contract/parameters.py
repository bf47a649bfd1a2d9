"""Turns the parameter values of a message into a component's typed parameters."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from headrace_components.contract import reading
from headrace_components.contract.errors import InputError, named
from headrace_components.contract.reading import PARAMETERS

P = TypeVar("P")


def read(cls: type[P], values: Mapping[str, Any], component: str) -> P:
    """Returns the dataclass `cls`, filled from the values of an `ExecutorInput`.

    JSON has one number type, so `3.0` is read as the integer 3 if `cls` needs one, at any depth of
    an object; lists become tuples. A missing value takes the default of `cls`.

    Args:
        cls: A component's parameters, in the form for `reading.read`.
        values: Values by name.
        component: Name of the component, for error messages.

    Raises:
        InputError: A name is unknown, a required parameter is missing, or a value is not of its
            field's type.
    """
    given = converted(cls, values, component)
    with named(component):
        if missing := sorted(_required(cls) - set(given)):
            raise InputError(
                f"the task has no parameters {missing}, which are required. Pass them in the "
                "pipeline, and compile it again."
            )
        return cls(**given)


def converted(cls: type[Any], values: Mapping[str, Any], component: str) -> dict[str, Any]:
    """Returns values in the types that the fields of `cls` have; arguments are as for `read`.

    Raises:
        InputError: A value is not of its field's type.
    """
    with named(component):
        return reading.converted(cls, values, "", PARAMETERS)


def _required(cls: type[Any]) -> set[str]:
    return {
        each.name
        for each in dataclasses.fields(cls)
        if each.default is each.default_factory is dataclasses.MISSING
    }
