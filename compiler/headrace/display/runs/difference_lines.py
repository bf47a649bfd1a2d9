"""Shows what changed between two runs, in lines of a terminal or a file."""

from collections.abc import Iterator
from typing import Any

from headrace.display.outcomes import utc
from headrace.display.runs.changes import RunChange, counted
from headrace.display.runs.differences import RunDifference
from headrace.display.runs.tables import short
from headrace.display.verdicts import number

_MARKS = {"added": "+", "removed": "-", "changed": "~"}
_MOST_LINES = 20


def difference_lines(found: RunDifference, *, whole: bool) -> Iterator[str]:
    """Yields the lines.

    Args:
        found: The changes.
        whole: Whether a diff of a text is shown to its end.
    """
    for mark, run in zip("-+", found.runs, strict=True):
        yield f"{mark} {run.id}  {run.pipeline or run.name}  {run.state}  {utc(run.created)} UTC"
    for name, changes in found.sections.items():
        if changes:
            yield ""
            yield name.capitalize()
            for change in changes:
                yield from _lines(change, whole=whole)
    if not any(found.sections.values()):
        yield ""
        yield "Nothing that is recorded of them differs."


def _lines(change: RunChange, *, whole: bool) -> Iterator[str]:
    head = f"  {_MARKS[change.kind]} {change.what}"
    head += f"  {change.aspect}" if change.aspect else ""
    if change.lines:
        yield f"{head}  {counted(change.lines)}"
        shown = change.lines if whole else change.lines[:_MOST_LINES]
        yield from (f"      {line}" for line in shown)
        if len(shown) < len(change.lines):
            yield f"      and {len(change.lines) - len(shown)} more lines: --whole shows them"
        return
    if change.before is None and change.after is None:
        yield head
        return
    yield f"{head}  {_value(change.before)} -> {_value(change.after)}{_step(change)}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return short(", ".join(map(str, value)))
    return short(value)


def _step(change: RunChange) -> str:
    pair = change.before, change.after
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in pair):
        return ""
    step = change.after - change.before
    return f"  ({'+' if step > 0 else ''}{number(step)})"
