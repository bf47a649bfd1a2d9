"""The reasons of a verdict, in the metadata of the artifact that has the verdict.

Backends keep metadata as texts and numbers, so the reasons are a JSON list in one text. It is
short: KFP passes all metadata of a task's inputs in one argument of a command. Standard library
only.
"""

import json
from collections.abc import Sequence
from typing import Any

KEY = "reasons"
"""The metadata that has them."""

_MAX_REASONS = 10
_MAX_CHARACTERS = 500


def to_text(reasons: Sequence[str]) -> str:
    """Returns reasons as metadata, the first ones if there are many.

    Args:
        reasons: Short texts without a full stop, the most important first.
    """
    shown = [_plain(reason) for reason in reasons[:_MAX_REASONS]]
    more = len(reasons) - _MAX_REASONS
    return json.dumps([*shown, f"and {more} more"] if more > 0 else shown, ensure_ascii=False)


def from_metadata(metadata: Any) -> tuple[str, ...]:
    """Returns the reasons in an artifact's metadata; empty if there are none."""
    try:
        found = json.loads(str(metadata.get(KEY, "")))
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, list):
        return ()
    return tuple(_plain(each) for each in found[: _MAX_REASONS + 1] if isinstance(each, str))


def _plain(text: str) -> str:
    """Returns a text as one line that no terminal and no backend reads as more than text."""
    line = " ".join(text.split())
    line = "".join(each if each.isprintable() else "?" for each in line)
    # KFP's launcher fills in placeholders in everything that it passes on.
    line = line.replace("{{$", "{{ $")
    return line if len(line) <= _MAX_CHARACTERS else f"{line[: _MAX_CHARACTERS - 3]}..."
