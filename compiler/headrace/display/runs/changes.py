"""A change between two runs, in the form that all kinds of changes have."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChange:
    """One thing that is not the same in two runs.

    Attributes:
        kind: Whether only the second run has it, only the first one, or both.
        what: What it is about, such as `trainer` or `train_steps`.
        aspect: What of it has changed, such as `image`; empty for all of it.
        before: Its value in the first run; None for none, and if the text is in `lines`.
        after: The same in the second run.
        lines: A unified diff of a text.
    """

    kind: Literal["added", "removed", "changed"]
    what: str
    aspect: str = ""
    before: Any = None
    after: Any = None
    lines: tuple[str, ...] = ()


def changes_of(
    before: Mapping[str, Any], after: Mapping[str, Any], *, what: str = ""
) -> list[RunChange]:
    """Returns the changes between two objects, name by name, in the order of the first.

    Args:
        before: The values of the first run. A name that is not there counts as None.
        after: Those of the second one.
        what: What they are about, with the names as aspects; empty for changes of the names
            themselves.
    """
    found = []
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one == other and isinstance(one, bool) == isinstance(other, bool):
            continue
        kind: Literal["added", "removed", "changed"] = "changed"
        if not what and name not in before:
            kind = "added"
        elif not what and name not in after:
            kind = "removed"
        found.append(
            RunChange(
                kind=kind,
                what=what or name,
                aspect=name if what else "",
                before=one,
                after=other,
            )
        )
    return found


def text_change(what: str, before: str | None, after: str | None) -> RunChange:
    """Returns the change of a text, line by line; None for a text that a run does not have."""
    lines = difflib.unified_diff(
        (before or "").splitlines(), (after or "").splitlines(), lineterm="", n=2
    )
    return RunChange(
        kind="added" if before is None else "removed" if after is None else "changed",
        what=what,
        lines=tuple(lines)[2:],  # without the names of files
    )


def counted(lines: Iterable[str]) -> str:
    """Returns how many lines of a unified diff are new and gone, such as `+3 -1 lines`."""
    marks = [line[:1] for line in lines]
    return f"+{marks.count('+')} -{marks.count('-')} lines"
