"""Reads CSV files block by block as text, and says in plain words what is wrong with one."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, NoReturn

import pyarrow as pa
from pyarrow import csv as arrow_csv

from headrace_components.csv_example_gen.csv_columns import ColumnType, infer_cell
from headrace_components.errors import InputError
from headrace_components.example_gen import files

# Some ten thousand rows: enough for whole-column work, little enough to forget. A record that is
# longer than a block cannot be read.
BLOCK_BYTES = 2 << 20


class CsvFiles:
    """The CSV files of one input split.

    Args:
        paths: Paths or URIs, in the order in which they are read.
        delimiter: The character between two fields.

    Raises:
        InputError: A file has no header, or one that another file does not have.
    """

    def __init__(self, paths: Sequence[str], delimiter: str) -> None:
        self.paths = paths
        self._delimiter = delimiter
        self.column_names = self._header(paths[0])
        for path in paths[1:]:
            names = self._header(path)
            if names != self.column_names:
                raise InputError(
                    f"csv_example_gen: {path} has the header {names}, {paths[0]} has "
                    f"{self.column_names}; the files of a split have one header. Make the headers "
                    "the same, or name the files in splits of their own in `input_config`."
                )

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Yields the rows of all files as string columns; an empty cell is null.

        Raises:
            InputError: A file is not UTF-8, or a row has more or fewer fields than the header.
        """
        for path in self.paths:
            with _open(path) as stream:
                try:
                    yield from self._blocks_of(stream)
                except pa.ArrowInvalid as error:
                    self._explain(path, error)

    def _blocks_of(self, stream: pa.NativeFile) -> Iterator[pa.RecordBatch]:
        # The stream must be Arrow's own: its threads read ahead, and would wait for the
        # interpreter lock of a Python file while this reader, given up midway, waits for them.
        yield from arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(self.column_names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def check_quotes(self) -> None:
        """Raises an InputError where a file's last quote is not closed.

        Arrow takes such a field to the end of the file, without a word. An odd number of quotes
        tells that there may be one.
        """
        for path in self.paths:
            num_quotes = 0
            with _open(path) as stream:
                while data := stream.read(BLOCK_BYTES):
                    num_quotes += data.count(b'"')
            if num_quotes % 2:
                self._check_last_quote(path)

    def place_of(self, row: int) -> str:
        """Returns the file and line of a row, counted over all files from 0."""
        for path in self.paths:
            for line, _ in self._records(path):
                if row == 0:
                    return f"{path}, line {line}"
                row -= 1
        raise IndexError(f"row {row} is past the last one")

    def _records(self, path: str) -> Iterator[tuple[int, list[str]]]:
        """Yields line number, from 1, and fields of each record after the header."""
        with _open(path) as stream:
            reader = self._reader(stream)
            line = 1
            is_header = True
            for fields in reader:
                if fields and not is_header:
                    yield line, fields
                is_header = is_header and not fields
                line = reader.line_num + 1

    def _reader(self, stream: pa.NativeFile) -> Any:
        csv.field_size_limit(1 << 30)
        text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
        return csv.reader(text, delimiter=self._delimiter)

    def _header(self, path: str) -> list[str]:
        with _open(path) as stream:
            try:
                names: list[str] | None = next(filter(None, self._reader(stream)), None)
            except UnicodeDecodeError:
                self._explain_encoding(path)
        if names is None:
            raise InputError(
                f"csv_example_gen: {path} is empty, expected a header line with the column names "
                "and rows below it. Write the file again, or leave it out of the input pattern."
            )
        numbers = [name for name in names if _is_number(name)]
        if numbers or "" in names or len(set(names)) < len(names):
            found = (
                f"the number {numbers[0]!r}"
                if numbers
                else "an empty name"
                if "" in names
                else f"{next(name for name in names if names.count(name) > 1)!r} twice"
            )
            raise InputError(
                f"csv_example_gen: the first line of {path} holds {found}, expected a header: a "
                "distinct column name in each field. Add the header line, or rename the column."
            )
        return names

    def _explain(self, path: str, error: pa.ArrowInvalid) -> NoReturn:
        """Raises an InputError that says what Arrow found in a file, with the line."""
        self._explain_encoding(path)
        expected = len(self.column_names)
        for line, fields in self._records(path):
            if len(fields) != expected:
                self._check_last_quote(path)
                raise InputError(
                    f"csv_example_gen: {path}, line {line}: {len(fields)} fields, expected "
                    f"{expected} as in the header ({self.column_names[0]!r} to "
                    f"{self.column_names[-1]!r}). Correct the row, quote fields that hold "
                    f"{self._delimiter!r}, or give another `delimiter`."
                ) from error
            if sum(map(len, fields)) > BLOCK_BYTES:
                self._check_last_quote(path)
                raise InputError(
                    f"csv_example_gen: {path}, line {line}: the record is longer than "
                    f"{BLOCK_BYTES >> 20} MiB, expected less. Keep large content in files of its "
                    "own and their names in the CSV."
                ) from error
        raise InputError(
            f"csv_example_gen: {path} cannot be read as CSV: {error}. Correct the file."
        ) from error

    def _check_last_quote(self, path: str) -> None:
        """Raises an InputError where a quote is open at the end of a file."""
        last_line = max((line for line, _ in self._records(path)), default=1)
        with _open(path) as stream:
            lines = list(islice(io.TextIOWrapper(stream, "utf-8", newline=""), last_line - 1, None))
        try:
            list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                return  # a quote within a field, which is text like any other
            raise InputError(
                f"csv_example_gen: {path}, line {last_line}: a quote is opened and not closed, so "
                'the rest of the file would be one field. Close it, or double it ("") where it is '
                "part of the text."
            ) from error

    def _explain_encoding(self, path: str) -> None:
        """Raises an InputError where a file is not UTF-8."""
        with _open(path) as stream:
            for number, line in enumerate(io.BufferedReader(stream), start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"csv_example_gen: {path}, line {number}: byte {error.start + 1} is "
                        f"0x{line[error.start]:02x}, which is not UTF-8. Convert the file, as by "
                        "`iconv -f latin1 -t utf-8`."
                    ) from error


def _open(path: str) -> AbstractContextManager[pa.NativeFile]:
    return files.open_bytes("csv_example_gen", path)


def _is_number(name: str) -> bool:
    return infer_cell(name.encode()) in (ColumnType.INT, ColumnType.FLOAT)
