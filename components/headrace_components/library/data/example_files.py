"""Reads single files of an Examples artifact, one batch of rows at a time.

`ExamplesReader` reads a whole split with it, a worker of Beam one file.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from headrace_components.library.data.decoding_errors import undecodable
from headrace_components.library.data.tfrecord import read_records


def serialized_batches(file: Path, batch_size: int) -> Iterator[list[bytes]]:
    """Yields the records of a TFRecord file, `batch_size` at a time.

    Raises:
        InputError: The file is corrupt.
    """
    records: list[bytes] = []
    for record in read_records(file):
        records.append(record)
        if len(records) == batch_size:
            yield records
            records = []
    if records:
        yield records


def decoded_batches(file: Path, batch_size: int) -> Iterator[tuple[pa.RecordBatch, list[bytes]]]:
    """Yields the rows of a TFRecord file as list columns sorted by name, and in stored form.

    Raises:
        InputError: The file is corrupt, or a record is not a tf.Example.
    """
    decoder = ExamplesToRecordBatchDecoder()
    start = 0
    for records in serialized_batches(file, batch_size):
        yield decoded(decoder, records, file, start), records
        start += len(records)


def decoded(
    decoder: ExamplesToRecordBatchDecoder,
    records: Sequence[bytes],
    file: Path,
    start: int,
) -> pa.RecordBatch:
    """Returns rows as list columns sorted by name.

    Args:
        decoder: A decoder, which may have been used before.
        records: The rows as serialized tf.Examples.
        file: Where the records are from, for error messages.
        start: Number of the first record in the file.

    Raises:
        InputError: A record is not a tf.Example.
    """
    try:
        return selected(decoder.DecodeBatch(records), None)
    except (RuntimeError, ValueError) as error:
        where = f"{file}, records {start} to {start + len(records) - 1}"
        raise undecodable(where, "tf.Examples", "FORMAT_TF_EXAMPLE", error) from error


def stored_batches(
    file: Path, batch_size: int, columns: Sequence[str] | None
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yields the rows of a Parquet file of the columnar twin, like `decoded_batches`.

    Each batch comes with its number of rows, because a batch without columns does not have it.

    Args:
        file: A `part-*.parquet`.
        batch_size: The maximum number of rows in a batch.
        columns: Names of the features to read; those that the file lacks are left out. None reads
            all.
    """
    with pq.ParquetFile(file) as parquet:
        names = parquet.schema_arrow.names
        wanted = None if columns is None else [name for name in columns if name in names]
        for batch in parquet.iter_batches(batch_size=batch_size, columns=wanted):
            yield _as_decoded(selected(batch, wanted)), batch.num_rows


def paired(
    batches: Iterator[pa.RecordBatch], serialized: Iterator[list[bytes]]
) -> Iterator[tuple[pa.RecordBatch, list[bytes]]]:
    """Yields each batch with its records, from two cuts of the same rows.

    Args:
        batches: The rows as list columns.
        serialized: The same rows as records; the lists may end at other rows than the batches.
    """
    rest: list[bytes] = []
    for batch in batches:
        while len(rest) < batch.num_rows:
            rest += next(serialized)
        yield batch, rest[: batch.num_rows]
        rest = rest[batch.num_rows :]


def selected(batch: pa.RecordBatch, columns: Sequence[str] | None) -> pa.RecordBatch:
    """Returns the named columns that exist, or all columns, sorted by name."""
    names = batch.schema.names
    wanted = sorted(names if columns is None else set(columns) & set(names))
    if wanted == names:
        return batch
    return pa.RecordBatch.from_arrays([batch.column(names.index(name)) for name in wanted], wanted)


def _as_decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    # The decoder has no type for a feature that no row of the batch has.
    arrays = [
        pa.nulls(len(column)) if column.null_count == len(column) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)
