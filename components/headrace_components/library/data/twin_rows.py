"""Reads a file of the columnar twin, or the same rows from the TFRecords if it is damaged."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from headrace_components.contract.texts import one_line
from headrace_components.library.data.columnar import ParquetFile, SplitManifest
from headrace_components.library.data.example_files import (
    decoded,
    selected,
    serialized_batches,
    stored_batches,
)

Opened = AbstractContextManager[Path]


@dataclass(frozen=True, kw_only=True, slots=True)
class TwinPart:
    """A Parquet file, and the rows of its split that it contains.

    Attributes:
        file: The manifest's entry for it.
        first_row: Number of its first row, counted from the first TFRecord of the split.
    """

    file: ParquetFile
    first_row: int


def parts_of(manifest: SplitManifest) -> list[TwinPart]:
    """Returns the Parquet files of a split, in order."""
    parts = []
    first_row = 0
    for file in manifest.parquet:
        parts.append(TwinPart(file=file, first_row=first_row))
        first_row += file.num_rows
    return parts


def part_batches(
    part: TwinPart,
    place: str,
    open_parquet: Callable[[], Opened],
    open_tfrecords: Callable[[], Iterable[Opened]],
    component: str,
    batch_size: int,
    columns: Sequence[str] | None,
    checked: set[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yields each row of a Parquet file of the twin once, also if the file is damaged.

    A damaged file is noticed before its first row is returned. If reading fails later, for example
    on a failing disk, it continues with the next row from the TFRecords.

    Args:
        part: The file.
        place: Its path or URI, for messages.
        open_parquet: Opens the file.
        open_tfrecords: Returns the TFRecord files of the split, in order.
        component: Name of the component, for messages.
        batch_size: The maximum number of rows in a batch.
        columns: Names of the features to read; those that a batch lacks are left out. None reads
            all.
        checked: Places of files whose checksum was compared; this file is added.

    Raises:
        InputError: The TFRecords are needed, and are corrupt.
    """
    checked = set() if checked is None else checked
    batches = _checked_batches(part.file, place, open_parquet, batch_size, columns, checked)
    num_rows = 0
    while True:
        # Errors of the caller, which are raised at `yield`, are not errors of the file.
        try:
            batch, rows_read = next(batches)
        except StopIteration:
            return
        except _UNREADABLE as error:
            reason = one_line(error)
            break
        num_rows += rows_read
        yield batch
    checked.discard(place)
    logging.warning(
        "%s: %s, of the columnar twin, is damaged: %s. Its rows are read from the TFRecords, which "
        "takes longer. Run the component that wrote it again to have the twin back.",
        component,
        place,
        reason,
    )
    rows = range(part.first_row + num_rows, part.first_row + part.file.num_rows)
    yield from _decoded_rows(open_tfrecords(), rows, batch_size, columns)


class _DamagedError(Exception):
    """The bytes are not those that were written."""


_UNREADABLE = (_DamagedError, OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError)


def _checked_batches(
    file: ParquetFile,
    place: str,
    open_parquet: Callable[[], Opened],
    batch_size: int,
    columns: Sequence[str] | None,
    checked: set[str],
) -> Iterator[tuple[pa.RecordBatch, int]]:
    with open_parquet() as path:
        if place not in checked:
            damage = file.damage(path)
            if damage:
                raise _DamagedError(damage)
            checked.add(place)
        yield from stored_batches(path, batch_size, columns)


def _decoded_rows(
    tfrecords: Iterable[Opened],
    rows: range,
    batch_size: int,
    columns: Sequence[str] | None,
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of these numbers, counted over all files."""
    decoder = ExamplesToRecordBatchDecoder()
    file_start = 0
    for opened in tfrecords:
        if file_start >= rows.stop:
            return
        start = file_start
        with opened as path:
            for records in serialized_batches(path, batch_size):
                wanted = records[max(0, rows.start - start) : max(0, rows.stop - start)]
                if wanted:
                    batch = decoded(decoder, wanted, path, start - file_start)
                    yield selected(batch, columns)
                start += len(records)
                if start >= rows.stop:
                    return
        file_start = start
