"""Reads from a traceback the expression that raised an exception. Standard library only."""

import ast
import linecache
import traceback
from collections.abc import Mapping
from types import FrameType
from typing import Any


def raising(summary: traceback.FrameSummary) -> ast.expr | None:
    """Returns the expression of a frame that raised; None if the source does not show it."""
    if summary.lineno is None or summary.end_lineno is None or summary.colno is None:
        return None
    lines = [
        linecache.getline(summary.filename, number).encode()
        for number in range(summary.lineno, summary.end_lineno + 1)
    ]
    if not lines:
        return None
    # Columns count bytes. Cut the last line first, because it may also be the first one.
    lines[-1] = lines[-1][: summary.end_colno]
    lines[0] = lines[0][summary.colno :]
    try:
        return ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def value_of(node: ast.expr, frame: FrameType) -> Any:
    """Returns the value of a name or a chain of attributes in a frame, else None.

    It does not call the author's code again. AutoGraph's `ag__.ld(name)` means the name.
    """
    if isinstance(node, ast.Name):
        names: Mapping[str, Any] = {**frame.f_builtins, **frame.f_globals, **frame.f_locals}
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = value_of(node.value, frame)
        # `vars` and not `getattr`: a property would run code.
        return vars(owner).get(node.attr) if hasattr(owner, "__dict__") else None
    is_load = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if is_load and node.func.attr == "ld" and len(node.args) == 1:  # type: ignore[attr-defined]
        return value_of(node.args[0], frame)  # type: ignore[attr-defined]
    return None
