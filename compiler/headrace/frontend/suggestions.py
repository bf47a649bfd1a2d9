"""Suggests names when the author of a pipeline file uses a name that does not exist."""

import ast
import difflib
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from headrace_components.library.user_code import expressions


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns a question with the most similar name, or an empty text if none is similar."""
    near = difflib.get_close_matches(name, [*known], n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


def outputs_asked(error: KeyError) -> list[str] | None:
    """Returns the outputs of the task; None if `error` is not from `task.outputs[...]`.

    Looks at the very expression that raised it, in the frame of the author's code.
    """
    frame, summary = _last_frame(error)
    expression = expressions.raising(summary)
    if not isinstance(expression, ast.Subscript) or not isinstance(expression.value, ast.Attribute):
        return None
    if expression.value.attr != "outputs":
        return None
    owner = expression.value.value
    if isinstance(owner, ast.Call):  # a task that was made in passing; its component is still there
        component = expressions.value_of(owner.func, frame)
        spec = getattr(component, "component_spec", None)
        return sorted(getattr(spec, "outputs", None) or {})
    outputs = getattr(expressions.value_of(owner, frame), "outputs", None)
    return sorted(outputs) if isinstance(outputs, Mapping) else []


def arguments_asked(error: TypeError) -> tuple[str, list[str]] | None:
    """Returns the argument that a component does not have, and those that it has.

    None if `error` is not from calling a component.
    """
    frame, _ = _last_frame(error)
    component = frame.f_locals.get("self")
    spec = getattr(component, "component_spec", None)
    name = frame.f_locals.get("k")
    if spec is None or not isinstance(name, str) or "unexpected keyword" not in str(error):
        return None
    return name, sorted(spec.inputs or {})


def _last_frame(error: Exception) -> tuple[Any, traceback.FrameSummary]:
    (*_, (frame, _)) = traceback.walk_tb(error.__traceback__)
    return frame, traceback.extract_tb(error.__traceback__)[-1]
