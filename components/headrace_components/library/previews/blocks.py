"""The parts of which a page about an artifact is made, as JSON values. Standard library only.

A reader returns sections, `{"heading": ..., "blocks": [...], "is_folded": false}`. Blocks are

    {"kind": "note", "tone": "plain|good|warn|bad", "text": ...}
    {"kind": "facts", "rows": [[name, cell], ...]}
    {"kind": "table", "caption": ..., "columns": [name, ...], "rows": [[cell, ...], ...]}
    {"kind": "text", "caption": ..., "text": ..., "note": ...}
    {"kind": "chart", "caption": ..., "x": ..., "series": [{"name": ..., "points": [[x, y], ...]}]}

and a cell is a text, a number, None where there is no value, or an object with `text` and one of
`tone` (as of a note), `image` (a `data:` URI) or `soft` (true: said by the way). `number` is true
for a text that is a number. A page escapes all of them, and `cut` makes them short enough.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Block = dict[str, Any]
Cell = str | float | None | dict[str, Any]

TEXT_LENGTH = 300
_MAX_ROWS = 20_000


def section(heading: str, *blocks: Block, is_folded: bool = False) -> Block:
    """Returns blocks under a heading; those of a folded section are shown when asked for."""
    return {"heading": heading, "blocks": list(blocks), "is_folded": is_folded}


def note(text: str, tone: str = "plain") -> Block:
    """Returns a sentence; `tone` is `plain`, `good`, `warn` or `bad`."""
    return {"kind": "note", "tone": tone, "text": text}


def facts(rows: Sequence[tuple[str, Cell]]) -> Block:
    """Returns values under their names; those that are None are left out."""
    return {"kind": "facts", "rows": [list(row) for row in rows if row[1] is not None]}


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Block:
    """Returns a table. The first cell of each row is its heading."""
    kept = [list(row) for row in rows[:_MAX_ROWS]]
    found: Block = {"kind": "table", "caption": caption, "columns": list(columns), "rows": kept}
    if len(rows) > len(kept):
        found["note"] = f"The first {len(kept):,} of {len(rows):,}."
    return found


def text(caption: str, content: str, note: str = "") -> Block:
    """Returns text with its line breaks."""
    return {"kind": "text", "caption": caption, "text": content, "note": note}


def chart(caption: str, x: str, series: Mapping[str, Sequence[Sequence[float]]]) -> Block:
    """Returns lines over a common axis `x`: by name, their points."""
    lines = [{"name": name, "points": [list(p) for p in points]} for name, points in series.items()]
    return {"kind": "chart", "caption": caption, "x": x, "series": lines}


def toned(content: str, tone: str) -> Cell:
    """Returns a cell that says something good or bad."""
    return {"text": content, "tone": tone}


def change(value: float, tone: str = "") -> Cell:
    """Returns a cell with a difference of numbers; an empty `tone` is neither good nor bad."""
    cell: dict[str, Any] = {"text": f"{value:+.4g}".replace("-", "\N{MINUS SIGN}"), "number": True}
    return {**cell, "tone": tone} if tone else cell


def soft(content: str) -> Cell:
    """Returns a cell about the absence of a value, such as `missing`."""
    return {"text": content, "soft": True}


def cut(content: str, length: int = TEXT_LENGTH) -> str:
    """Returns the beginning of a text, with an ellipsis if it goes on."""
    return content if len(content) <= length else content[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def size(num_bytes: int) -> str:
    """Returns a number of bytes for people.

    Example:
        >>> [size(count) for count in (1, 2048, 3_500_000)]
        ['1 byte', '2 KB', '3.3 MB']
    """
    if num_bytes < 1024:
        return f"{num_bytes} byte{'' if num_bytes == 1 else 's'}"
    scaled = float(num_bytes)
    for unit in ("KB", "MB", "GB", "TB"):
        scaled /= 1024
        if scaled < 1024 or unit == "TB":
            break
    return (
        f"{scaled:.0f} {unit}" if scaled >= 10 or scaled == int(scaled) else f"{scaled:.1f} {unit}"
    )
