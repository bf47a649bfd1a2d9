"""Reads Avro files, one batch of rows at a time."""

import io
import lzma
import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import cramjam
import fastavro
import pyarrow as pa

from headrace_components.contract.errors import InputError
from headrace_components.library.sources.files import open_random
from headrace_components.library.sources.python_values import arrow_batch

_ROWS_PER_BATCH = 10_000
_READ_BYTES = 1 << 20

# fastavro raises these for a file that is cut off or corrupt, is not Avro, or needs a missing
# codec.
_UNREADABLE = (
    *(ValueError, EOFError, LookupError, TypeError, OSError),
    *(struct.error, zlib.error, lzma.LZMAError, cramjam.DecompressionError),
)


def batches(paths: Sequence[str], advice: str) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yields the path of a file and some of its rows, in order.

    Args:
        paths: Paths or URIs, in the order in which they are read.
        advice: How the author can fix a column that has no type.

    Raises:
        InputError: A file is not Avro, is corrupt, or does not contain records.
    """
    for path in paths:
        with open_random(path) as stream:
            # fastavro reads byte by byte, which a buffer makes cheap.
            buffer = io.BufferedReader(stream, _READ_BYTES)
            reader, names = _open(path, buffer)
            start = 0
            while rows := _next_rows(path, reader, start):
                columns = [[row[name] for row in rows] for name in names]
                yield path, arrow_batch(names, columns, path, advice)
                start += len(rows)


def _open(path: str, stream: io.BufferedReader) -> tuple[Any, list[str]]:
    """Returns a file's reader and the names of its columns."""
    try:
        reader = fastavro.reader(stream)
    except _UNREADABLE as error:
        _raise_if_of_the_disk(error)
        raise InputError(
            f"{path} cannot be read as Avro ({error}). Write or copy the file "
            "again, or leave it out of the input pattern."
        ) from error
    schema = reader.writer_schema
    if not isinstance(schema, dict) or schema.get("type") != "record":
        kind = schema["type"] if isinstance(schema, dict) else schema
        raise InputError(
            f"{path} holds values of type {kind!r}, expected records, whose fields "
            "become features. Write records, or leave the file out of the input pattern."
        )
    return reader, [field["name"] for field in schema["fields"]]


def _next_rows(path: str, reader: Any, start: int) -> list[dict[str, Any]]:
    try:
        return list(islice(reader, _ROWS_PER_BATCH))
    except _UNREADABLE as error:
        _raise_if_of_the_disk(error)
        raise InputError(
            f"{path} is corrupt past row {start}: {error}. Write or copy the file again."
        ) from error


def _raise_if_of_the_disk(error: BaseException) -> None:
    # bz2 reports a corrupt block as an OSError, but without a number.
    if isinstance(error, OSError) and error.errno is not None:
        raise error
