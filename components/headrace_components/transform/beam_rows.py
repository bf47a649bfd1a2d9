"""Reads the raw rows with Beam."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from headrace_components.library.beam.examples import ReadRecordBatches, ReadRecords
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.transform.raw_data import BATCH_SIZE, RawColumns


class ReadRaw(beam.PTransform):
    """Reads a split with the columns and types of the schema, and checks its rows.

    Args:
        reader: The examples, opened when the pipeline is built.
        columns: The features to read.
        split: Name of the split.
        location: Where workers find the examples.

    Raises (on workers):
        InputError: The rows contradict the schema.
    """

    def __init__(
        self,
        reader: ExamplesReader,
        columns: RawColumns,
        split: str,
        location: str,
    ) -> None:
        super().__init__()
        self._columns = columns
        self._split = split
        self._read: beam.PTransform
        if columns.is_sequence:
            self._read = ReadRecords(reader, split, location, batch_size=BATCH_SIZE)
        else:
            self._read = ReadRecordBatches(
                reader, split, location, columns=columns.names, batch_size=BATCH_SIZE
            )

    def expand(self, pipeline: beam.Pipeline) -> Any:
        """Returns the batches."""
        convert = beam.ParDo(_Convert(self._columns, self._split))
        return pipeline | "Read" >> self._read | "Convert" >> convert


class _Convert(beam.DoFn):
    def __init__(self, columns: RawColumns, split: str) -> None:
        self._columns = columns
        self._split = split

    def process(self, rows: pa.RecordBatch | list[bytes]) -> Iterator[pa.RecordBatch]:
        batch = self._columns.decoded(rows) if isinstance(rows, list) else rows
        converted = self._columns.converted(batch, self._split)
        # Check here, because TensorFlow Transform's own message does not help authors.
        self._columns.check_dense(converted, self._split)
        yield converted
