"""What the author of a pipeline file may have meant by a name that does not exist."""

import ast
import difflib
import linecache
import traceback
from collections.abc import Iterable, Mapping
from typing import Any


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns a question with the name that is nearest, or an empty text where none is near."""
    near = difflib.get_close_matches(name, [*known], n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


def outputs_asked(error: KeyError) -> list[str] | None:
    """Returns the outputs that a task has; None where `error` is not of `task.outputs[...]`.

    Looks at the very expression that raised it, in the frame of the author's code.
    """
    frame, summary = _last_frame(error)
    expression = _expression(summary)
    if not isinstance(expression, ast.Subscript) or not isinstance(expression.value, ast.Attribute):
        return None
    if expression.value.attr != "outputs":
        return None
    names = {**frame.f_builtins, **frame.f_globals, **frame.f_locals}
    owner = expression.value.value
    if isinstance(owner, ast.Call):  # a task that was made in passing; its component is still there
        component = _value(owner.func, names)
        spec = getattr(component, "component_spec", None)
        return sorted(getattr(spec, "outputs", None) or {})
    outputs = getattr(_value(owner, names), "outputs", None)
    return sorted(outputs) if isinstance(outputs, Mapping) else []


def arguments_asked(error: TypeError) -> tuple[str, list[str]] | None:
    """Returns the argument that a component does not have, and those that it has.

    None where `error` is not of calling a component.
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


def _expression(summary: traceback.FrameSummary) -> ast.expr | None:
    if summary.lineno is None or summary.end_lineno is None:
        return None
    lines = [
        linecache.getline(summary.filename, number).encode()
        for number in range(summary.lineno, summary.end_lineno + 1)
    ]
    if not lines:
        return None
    # Columns count bytes; the last is cut first, since it may be the first line, too.
    lines[-1] = lines[-1][: summary.end_colno]
    lines[0] = lines[0][summary.colno :]
    try:
        return ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Returns what a name or a chain of attributes stands for; None where it is another form."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(_value(node.value, names), node.attr, None)
    return None
