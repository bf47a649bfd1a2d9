"""A part of a long table: rows that contain a text, some at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ROWS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePage:
    """What a page shows of a table.

    Attributes:
        key: Tells the table from others of the page, in the address.
        rows: The rows to show.
        find: The text that rows contain.
        first: Number of the first row of those found, from 0.
        num_found: Rows that contain the text.
        num_rows: All rows.
        numeric: The columns with numbers.
    """

    key: str
    rows: Sequence[Sequence[Any]]
    find: str
    first: int
    num_found: int
    num_rows: int
    numeric: frozenset[int]

    @property
    def is_long(self) -> bool:
        """Whether not all rows fit on the page."""
        return self.num_rows > _ROWS

    @property
    def before(self) -> int | None:
        """The first row of the page before; None on the first page."""
        return max(self.first - _ROWS, 0) if self.first else None

    @property
    def after(self) -> int | None:
        """The first row of the next page; None on the last."""
        return self.first + _ROWS if self.first + _ROWS < self.num_found else None


def table_page(table: Mapping[str, Any], key: str, query: Mapping[str, str]) -> TablePage:
    """Returns what the query of an address asks for: `find-KEY` and `from-KEY`."""
    rows: Sequence[Sequence[Any]] = table["rows"]
    find = query.get(f"find-{key}", "").strip()
    wanted = find.casefold()
    found = [row for row in rows if not wanted or any(wanted in _text(cell) for cell in row)]
    first = whole(query.get(f"from-{key}", ""))
    first = first if first < len(found) else 0
    return TablePage(
        key=key,
        rows=found[first : first + _ROWS],
        find=find,
        first=first,
        num_found=len(found),
        num_rows=len(rows),
        numeric=frozenset(
            column for row in rows for column, cell in enumerate(row) if column and _is_number(cell)
        ),
    )


def whole(text: str, most: int = 10**12) -> int:
    """Returns a number of an address that is 0 or more; 0 for anything else."""
    return min(int(text), most) if text.isdecimal() and len(text) < 20 else 0


def _is_number(cell: Any) -> bool:
    if isinstance(cell, Mapping):
        return "heat" in cell or bool(cell.get("number"))
    return isinstance(cell, int | float)


def _text(cell: Any) -> str:
    shown = cell.get("text", "") if isinstance(cell, Mapping) else cell
    return "" if shown is None else str(shown).casefold()
