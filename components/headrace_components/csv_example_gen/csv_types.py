"""Finds the types of the columns of several CSV files, from surveys of each file."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from headrace_components.contract.errors import InputError
from headrace_components.csv_example_gen.csv_columns import (
    ColumnType,
    Inference,
    as_lists,
    first_unfit,
)
from headrace_components.csv_example_gen.csv_files import CsvFile

# By the names in `column_types`.
_DECLARED = {"INT": ColumnType.INT, "FLOAT": ColumnType.FLOAT, "BYTES": ColumnType.STRING}
_EXPECTED = {ColumnType.INT: "a whole number of 64 bits", ColumnType.FLOAT: "a number"}


class FileSurvey:
    """The information on a file after all its rows were read.

    Args:
        file: The file.

    Attributes:
        file: As given.
        num_rows: Number of its rows.
        inferences: The types of its columns, by name.
    """

    def __init__(self, file: CsvFile) -> None:
        self.file = file
        self.num_rows = 0
        self.inferences = {name: Inference() for name in file.column_names}

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yields the rows of the file as string columns, and takes note of them.

        Raises:
            InputError: The content of the file is not CSV.
        """
        for block in self.file.blocks():
            for name, cells in zip(block.schema.names, block.columns, strict=True):
                self.inferences[name].add(cells, self.num_rows)
            self.num_rows += block.num_rows
            yield block
        self.file.check_quotes()


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnTypes:
    """The types of the columns of all files.

    Attributes:
        by_name: Type of each column.
        warnings: Facts about them that may surprise the author.
    """

    by_name: dict[str, ColumnType]
    warnings: tuple[str, ...]

    def lists_of(self, block: pa.RecordBatch) -> pa.RecordBatch:
        """Returns string columns as list columns, sorted by name."""
        names = sorted(self.by_name)
        columns = [
            as_lists(block.column(block.schema.get_field_index(name)), self.by_name[name])
            for name in names
        ]
        return pa.RecordBatch.from_arrays(columns, names)


def check_headers(files: Sequence[CsvFile]) -> None:
    """Raises an InputError if files of a split do not have the same header."""
    first = files[0]
    for file in files:
        if file.column_names != first.column_names:
            raise InputError(
                f"{file.path} has the header {file.column_names}, {first.path} "
                f"has {first.column_names}; the files of a split have one header. Make the headers "
                "the same, or name the files in splits of their own in `input_config`."
            )


def column_types(surveys: Sequence[FileSurvey], declared: Mapping[str, str]) -> ColumnTypes:
    """Returns the types of the columns of all files.

    Args:
        surveys: The surveys of the files, in the order in which they are read.
        declared: Types that the author gives to columns: INT, FLOAT or BYTES by name.

    Raises:
        InputError: No file has a row, or a cell or column does not fit its declaration.
    """
    if not any(survey.num_rows for survey in surveys):
        paths = ", ".join(survey.file.path for survey in surveys)
        raise InputError(
            f"{paths}: a header but no rows, expected at least one. Check the "
            "input pattern and what writes the files."
        )
    _check_declared(surveys, declared)
    types = {}
    warnings = []
    for name in surveys[0].file.column_names:
        types[name] = max(survey.inferences[name].type for survey in surveys)
        if name in declared:
            wanted = _DECLARED[declared[name]]
            if types[name] > wanted:
                _check_cells(surveys, name, wanted, declared[name])
            types[name] = wanted
            continue
        place = _first_mixture(surveys, name)
        if place:
            warnings.append(
                f"csv_example_gen: column {name!r} holds numbers and text, so all of it is text: "
                f"the first text after a number is at {place}. Leave a missing value empty to keep "
                "the column a number, or name its type in `column_types`."
            )
        elif types[name] == ColumnType.UNKNOWN:
            warnings.append(f"csv_example_gen: column {name!r} is empty in every row.")
    return ColumnTypes(by_name=types, warnings=tuple(warnings))


def _check_declared(surveys: Sequence[FileSurvey], declared: Mapping[str, str]) -> None:
    first = surveys[0].file
    for name in declared:
        if name not in first.column_names:
            near = difflib.get_close_matches(name, first.column_names, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "Leave it out."
            raise InputError(
                f"`column_types` names the column {name!r}, but "
                f"{first.path} has {first.column_names}. {hint}"
            )


def _check_cells(
    surveys: Sequence[FileSurvey], name: str, wanted: ColumnType, declared: str
) -> None:
    """Raises an InputError if a cell does not fit the declared type of its column."""
    for survey in surveys:
        if survey.inferences[name].type <= wanted:
            continue
        first_row = 0
        for block in survey.file.blocks():
            found = first_unfit(block.column(block.schema.get_field_index(name)), wanted)
            if found is not None:
                row, cell = found
                raise InputError(
                    f"{survey.file.path}, line "
                    f"{survey.file.line_of(first_row + row)}: column {name!r} has {cell!r}, "
                    f"expected {_EXPECTED[wanted]}, since `column_types` says {declared}. Correct "
                    "the cell, leave it empty, or declare another type."
                )
            first_row += block.num_rows


def _first_mixture(surveys: Sequence[FileSurvey], name: str) -> str:
    """Returns the place of the first text of a column, if a number comes before it."""
    has_numbers = False
    for survey in surveys:
        column = survey.inferences[name]
        if column.text_at is None:
            has_numbers = has_numbers or column.type > ColumnType.UNKNOWN
        elif has_numbers or column.is_mixed:
            return f"{survey.file.path}, line {survey.file.line_of(column.text_at)}"
        else:
            return ""
    return ""
