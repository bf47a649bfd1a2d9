"""Types and values of CSV cells are those that Python's int and float read, as in TFX."""

import math
import random
import struct

import pyarrow as pa
import pytest

from headrace_components.csv_example_gen.csv_columns import (
    ColumnType,
    Inference,
    as_lists,
    infer_cell,
)

CELLS = [
    *["", "0", "-0", "7", "-7", "007", "+7", " 7", "7 ", "\t7", "1_000", "1__0", "_1", "--1", "-"],
    *["9223372036854775807", "-9223372036854775808", "9223372036854775808", "1" * 40],
    *["1.5", "-1.5", ".5", "5.", ".", "1e5", "1E5", "1e+5", "1e-5", "e5", "1e", "1.5.2", "1-2"],
    *["nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e400", "1e39", "1e-50", "0x1F", "1_0.5"],
    *[
        "NA",
        "true",
        "\u0661",
        "1,5",
        " ",
        "1\x00",
        "-.5",
        "+.5",
        "12345678901234567890.0",
        "1e18",
        "1e19",
    ],
]


def column(cells: list[str]) -> pa.Array:
    return pa.array([cell or None for cell in cells], pa.string())


def inferred(cells: list[str]) -> ColumnType:
    inference = Inference()
    inference.add(column(cells), 0)
    return inference.type


@pytest.mark.parametrize("cell", CELLS)
def test_a_column_of_one_cell_has_the_type_of_the_cell(cell: str) -> None:
    assert inferred([cell]) == infer_cell(cell.encode())


def test_a_column_has_the_widest_type_of_its_cells() -> None:
    source = random.Random(5)
    for _ in range(3000):
        cells = source.choices(CELLS, k=source.randint(0, 4))
        expected = max((infer_cell(cell.encode()) for cell in cells), default=ColumnType.UNKNOWN)
        assert inferred(cells) == expected, cells


def test_numbers_are_those_that_python_reads() -> None:
    for cell in CELLS:
        kind = infer_cell(cell.encode())
        if kind in (ColumnType.INT, ColumnType.FLOAT):
            values = as_lists(column([cell, "", cell]), kind).to_pylist()
            assert values[1] == []
            expected = int(cell) if kind == ColumnType.INT else single(float(cell))
            for (value,) in (values[0], values[2]):
                assert value == expected or (math.isnan(value) and math.isnan(expected))


def single(value: float) -> float:
    """Returns the nearest float32; infinity beyond its range, as in protobuf's FloatList."""
    try:
        (narrow,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        return math.copysign(math.inf, value)
    return float(narrow)


def test_blocks_widen_a_column_and_the_first_text_after_numbers_is_known() -> None:
    inference = Inference()

    inference.add(column(["", "1"]), 0)
    assert inference.type == ColumnType.INT
    inference.add(column(["2.5", ""]), 2)
    assert (inference.type, inference.text_at) == (ColumnType.FLOAT, None)
    inference.add(column(["", "3", "NA", "4"]), 4)
    assert inference == Inference(type=ColumnType.STRING, text_at=6, is_mixed=True)


def test_text_from_the_first_cell_on_is_no_mixture() -> None:
    inference = Inference()

    inference.add(column(["", "NA", "1"]), 0)

    assert inference == Inference(type=ColumnType.STRING, text_at=1, is_mixed=False)


def test_a_slice_of_a_block_is_read_as_such() -> None:
    cells = column(["x", "1", "2", "y"]).slice(1, 2)

    inference = Inference()
    inference.add(cells, 0)

    assert inference.type == ColumnType.INT
    assert as_lists(cells, ColumnType.INT).to_pylist() == [[1], [2]]


def test_a_column_without_a_value_is_null() -> None:
    assert as_lists(column(["", ""]), ColumnType.UNKNOWN).type == pa.null()
