"""Infers the type of a CSV column, and turns its cells into list columns.

The rules are the same as in TFX (tfx_bsl `csv_decoder.ColumnTypeInferrer`). A column has the widest
type of its cells: INT, then FLOAT, then STRING. A cell is an integer or a number if Python's `int`
or `float` reads its bytes. An integer beyond 64 bits is a string. Empty cells are ignored. Arrow
parses cells of the usual form; for others, such as ` 7`, `1_000` or `nan`, Python is used, once for
each distinct cell.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_INT64 = np.iinfo(np.int64)

# For texts with only these characters, Arrow and Python read the same numbers. Arrow would also
# read 0x1F.
_INTEGER_BYTES = frozenset(b"0123456789-")
_NUMBER_BYTES = _INTEGER_BYTES | frozenset(b".eE")


class ColumnType(enum.IntEnum):
    """The type of a column, from narrow to wide; UNKNOWN if every cell is empty."""

    UNKNOWN = 0
    INT = 1
    FLOAT = 2
    STRING = 3


@dataclass(kw_only=True, slots=True)
class Inference:
    """The information so far on a column of one file.

    Attributes:
        type: The widest type of a cell.
        text_at: Row, from 0, of the first cell that is text; None if there is none.
        is_mixed: Whether a number came before it.
    """

    type: ColumnType = ColumnType.UNKNOWN
    text_at: int | None = None
    is_mixed: bool = False

    def add(self, cells: pa.Array, first_row: int) -> None:
        """Takes the next cells of the column, a string array whose nulls are empty cells."""
        if self.type == ColumnType.STRING:
            return
        present = cells.drop_null()
        found = _widest(present)
        if found == ColumnType.STRING:
            rows = np.flatnonzero(np.asarray(cells.is_valid()))
            first_text = _first_text(present)
            self.text_at = first_row + int(rows[first_text])
            self.is_mixed = self.type > ColumnType.UNKNOWN or first_text > 0
        self.type = max(self.type, found)


def infer_cell(cell: bytes) -> ColumnType:
    """Returns the type of one cell."""
    if not cell:
        return ColumnType.UNKNOWN
    try:
        value = int(cell)
    except ValueError:
        pass
    else:
        return ColumnType.INT if _INT64.min <= value <= _INT64.max else ColumnType.STRING
    try:
        float(cell)
    except ValueError:
        return ColumnType.STRING
    return ColumnType.FLOAT


def first_unfit(cells: pa.Array, column_type: ColumnType) -> tuple[int, str] | None:
    """Returns row and text of the first cell that does not fit a column's type; None if all fit.

    Args:
        cells: A string array whose nulls are empty cells.
        column_type: INT or FLOAT. A whole number beyond 64 bits fits FLOAT.
    """
    unfit = [
        cell
        for cell in pc.unique(cells.drop_null()).to_pylist()
        if not _fits(cell.encode(), column_type)
    ]
    if not unfit:
        return None
    row = int(np.flatnonzero(np.asarray(pc.is_in(cells, pa.array(unfit, pa.string()))))[0])
    return row, cells[row].as_py()


def _fits(cell: bytes, column_type: ColumnType) -> bool:
    if infer_cell(cell) <= column_type:
        return True
    if column_type == ColumnType.INT:
        return False
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _widest(present: pa.Array) -> ColumnType:
    if not len(present):
        return ColumnType.UNKNOWN
    if _parsed(present, pa.int64(), _INTEGER_BYTES) is not None:
        return ColumnType.INT
    numbers = _parsed(present, pa.float64(), _NUMBER_BYTES)
    # Some cell is not an integer, or an integer beyond 64 bits, which is then not below 2**63.
    if numbers is not None and (np.abs(np.asarray(numbers)) < 2.0**63).all():
        return ColumnType.FLOAT
    widest = ColumnType.UNKNOWN
    for cell in pc.unique(present).to_pylist():
        widest = max(widest, infer_cell(cell.encode()))
        if widest == ColumnType.STRING:
            break
    return widest


def _first_text(present: pa.Array) -> int:
    cells = (cell.as_py().encode() for cell in present)
    return next(index for index, cell in enumerate(cells) if infer_cell(cell) == ColumnType.STRING)


def _parsed(present: pa.Array, to: pa.DataType, alphabet: frozenset[int]) -> pa.Array | None:
    """Returns cells as numbers, or None if Arrow may read them differently from Python."""
    if not _bytes_of(present) <= alphabet:
        return None
    try:
        return present.cast(to)
    except pa.ArrowInvalid:
        return None


def _bytes_of(present: pa.Array) -> set[int]:
    _, offsets, data = present.buffers()
    bounds = np.frombuffer(offsets, np.int32, len(present) + 1, 4 * present.offset)
    seen = np.zeros(256, np.bool_)
    seen[np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]] = True
    return set(np.flatnonzero(seen).tolist())


def as_lists(cells: pa.Array, column_type: ColumnType) -> pa.Array:
    """Returns cells as a list column: one value per cell, or none if the cell is empty.

    Args:
        cells: A string array whose nulls are empty cells.
        column_type: Type of the whole column, which no cell exceeds.

    Returns:
        `large_list` of int64, float32 or large_binary; `null` where the type is UNKNOWN.
    """
    if column_type == ColumnType.UNKNOWN:
        return pa.nulls(len(cells))
    present = cells.drop_null()
    if column_type == ColumnType.INT:
        values = _numbers(present, pa.int64(), _INTEGER_BYTES, int)
    elif column_type == ColumnType.FLOAT:
        wide = np.asarray(_numbers(present, pa.float64(), _NUMBER_BYTES, float))
        with np.errstate(over="ignore"):  # beyond float32 is infinity, as in a FloatList
            values = pa.array(wide.astype(np.float32))
    else:
        values = present.cast(pa.binary()).cast(pa.large_binary())
    return pa.LargeListArray.from_arrays(_offsets(cells), values)


def _numbers(
    present: pa.Array, to: pa.DataType, alphabet: frozenset[int], parse: Callable[[bytes], Any]
) -> pa.Array:
    parsed = _parsed(present, to, alphabet)
    if parsed is not None:
        return parsed
    distinct = present.dictionary_encode()
    numbers = [parse(cell.encode()) for cell in distinct.dictionary.to_pylist()]
    return pa.array(numbers, to).take(distinct.indices)


def _offsets(cells: pa.Array) -> pa.Array:
    if cells.null_count:
        present: NDArray[np.bool_] = np.asarray(cells.is_valid())
        return pa.array(np.concatenate([[0], np.cumsum(present)]))
    return pa.array(np.arange(len(cells) + 1))
