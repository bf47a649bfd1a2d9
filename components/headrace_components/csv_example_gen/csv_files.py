"""Reads a CSV file as text, block by block, and explains errors in plain words."""

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, NoReturn

import pyarrow as pa
from pyarrow import csv as arrow_csv

from headrace_components.contract.errors import InputError
from headrace_components.csv_example_gen.csv_columns import ColumnType, infer_cell
from headrace_components.library.sources import files

# Some ten thousand rows: enough for work on whole columns, and small in memory. A record that is
# longer than a block cannot be read.
BLOCK_BYTES = 2 << 20

# Byte order marks, the longer ones first: the mark of UTF-32 begins with the mark of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class CsvFile:
    """One CSV file.

    Args:
        path: Its path or URI.
        delimiter: The character between two fields.

    Attributes:
        path: As given.
        column_names: The names in its header.

    Raises:
        InputError: It has no header.
    """

    def __init__(self, path: str, delimiter: str) -> None:
        self.path = path
        self._delimiter = delimiter
        self.column_names = self._header()

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Yields the rows as string columns; an empty cell is null.

        Raises:
            InputError: The file is not UTF-8, or a row has more or fewer fields than the header.
        """
        with self._open() as stream:
            try:
                yield from self._blocks_of(stream)
            except pa.ArrowInvalid as error:
                self._explain(error)

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
        """Raises an InputError if the last quote is not closed.

        Arrow reads such a field up to the end of the file, without an error. An odd number of
        quotes shows that there may be one.
        """
        num_quotes = 0
        with self._open() as stream:
            while data := stream.read(BLOCK_BYTES):
                num_quotes += data.count(b'"')
        if num_quotes % 2:
            self._check_last_quote()

    def line_of(self, row: int) -> int:
        """Returns the line, from 1, of a row, counted from 0."""
        return next(islice(self._records(), row, None))[0]

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yields line number, from 1, and fields of each record after the header."""
        with self._open() as stream:
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

    def _header(self) -> list[str]:
        with self._open() as stream:
            try:
                names: list[str] | None = next(filter(None, self._reader(stream)), None)
            except UnicodeDecodeError:
                self._explain_encoding()
        if any("\0" in name for name in names or ()):
            self._explain_encoding()
        if names is None:
            raise InputError(
                f"{self.path} is empty, expected a header line with the column "
                "names and rows below it. Write the file again, or leave it out of the input "
                "pattern."
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
                f"the first line of {self.path} holds {found}, expected a header: "
                "a distinct column name in each field. Add the header line, or rename the column."
            )
        return names

    def _explain(self, error: pa.ArrowInvalid) -> NoReturn:
        """Raises an InputError with Arrow's message and the line."""
        self._explain_encoding()
        expected = len(self.column_names)
        for line, fields in self._records():
            if len(fields) != expected:
                self._check_last_quote()
                raise InputError(
                    f"{self.path}, line {line}: {len(fields)} fields, expected "
                    f"{expected} as in the header ({self.column_names[0]!r} to "
                    f"{self.column_names[-1]!r}). Correct the row, quote fields that hold "
                    f"{self._delimiter!r}, or give another `delimiter`."
                ) from error
            if sum(map(len, fields)) > BLOCK_BYTES:
                self._check_last_quote()
                raise InputError(
                    f"{self.path}, line {line}: the record is longer than "
                    f"{BLOCK_BYTES >> 20} MiB, expected less. Keep large content in files of its "
                    "own and their names in the CSV."
                ) from error
        raise InputError(
            f"{self.path} cannot be read as CSV: {error}. Correct the file."
        ) from error

    def _check_last_quote(self) -> None:
        """Raises an InputError if a quote is open at the end of the file."""
        last_line = max((line for line, _ in self._records()), default=1)
        with self._open() as stream:
            lines = list(islice(io.TextIOWrapper(stream, "utf-8", newline=""), last_line - 1, None))
        try:
            list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                return  # a quote within a field, which is text like any other
            raise InputError(
                f"{self.path}, line {last_line}: a quote is opened and not "
                "closed, so the rest of the file would be one field. Close it, or double it "
                '("") where it is part of the text.'
            ) from error

    def _explain_encoding(self) -> None:
        """Raises an InputError if the file is not UTF-8."""
        with self._open() as stream:
            start = stream.read(4)
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                raise InputError(
                    f"{self.path} begins with {mark.hex(' ')}, the mark of "
                    f"{encoding.upper()}, expected UTF-8. Convert the file, for example by `iconv "
                    f"-f {encoding} -t utf-8`."
                )
        if start[1::2] == b"\0\0" or start[::2] == b"\0\0":
            encoding = "utf-16le" if start[1::2] == b"\0\0" else "utf-16be"
            raise InputError(
                f"{self.path} begins with {start.hex(' ')}, which is UTF-16 "
                f"without a mark, expected UTF-8. Convert the file, for example by `iconv -f "
                f"{encoding} -t utf-8`."
            )
        with self._open() as stream:
            for number, line in enumerate(io.BufferedReader(stream), start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"{self.path}, line {number}: byte {error.start + 1} is "
                        f"0x{line[error.start]:02x}, which is not UTF-8. Convert the file, for "
                        "example by `iconv -f latin1 -t utf-8`."
                    ) from error

    def _open(self) -> AbstractContextManager[pa.NativeFile]:
        return files.open_bytes(self.path)


def _is_number(name: str) -> bool:
    return infer_cell(name.encode()) in (ColumnType.INT, ColumnType.FLOAT)
