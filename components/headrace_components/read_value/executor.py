"""Reads a value."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.read_value.params import ComparedValues, ReadValueParams

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def execute(task: Task) -> None:
    """Publishes the value in each form that it has."""
    params = read(ReadValueParams, task.params, task.component)
    found = task.inputs.get("artifact", ())
    if params.property_name and not found:
        raise InputError(
            f"`property_name` is {params.property_name!r}, but `artifact` is not connected, "
            "expected both. Connect the output that has the property."
        )
    value = _value(found[0], params) if found else ""
    number = value if isinstance(value, (int, float)) else 0
    is_whole = math.isfinite(number) and number == int(number)
    task.output_parameters.update(
        {
            "text": _text(value, is_whole=is_whole),
            "integer": int(number) if is_whole else 0,
            "number": float(number),
            "json": dict(params.json),
            "holds": any(all(map(_holds, group.all_of)) for group in params.any_of),
        }
    )


def _value(artifact: Artifact, params: ReadValueParams) -> str | int | float:
    if not params.property_name:
        return artifact.uri
    if params.property_name not in artifact.metadata:
        raise InputError(
            f"`artifact` has no property {params.property_name!r}, only "
            f"{sorted(artifact.metadata)}. Correct the name, or let the task that makes the "
            "artifact set the property."
        )
    value: str | int | float = artifact.metadata[params.property_name]
    if params.is_number and not isinstance(value, (int, float)):
        raise InputError(
            f"the property {params.property_name!r} is the text {value!r}, expected a number, "
            "since the condition compares it with one. Compare it with a text."
        )
    return value


def _text(value: str | int | float, *, is_whole: bool) -> str:
    # A backend has one type of numbers, and a whole one comes back as 3.0.
    return str(int(value)) if isinstance(value, float) and is_whole else str(value)


def _holds(comparison: ComparedValues) -> bool:
    left, right = comparison.left, comparison.right
    if isinstance(left, str) != isinstance(right, str):
        raise InputError(
            f"`any_of` compares {left!r} with {right!r}, expected two texts or two numbers. "
            "Correct the condition."
        )
    return _COMPARISONS[comparison.operator](left, right)
