"""Divides rows among splits, and writes these: what every component that makes examples does."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import ExamplesWriter
from headrace_components.library.sources.configs import OutputSplit
from headrace_components.library.sources.params import ExampleGenParams
from headrace_components.library.sources.partition import (
    FeatureCheck,
    Partition,
    Sighting,
    feature_keys,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Some rows to write.

    Attributes:
        records: The rows as they go into TFRecords.
        keys: What decides on the split of each, as bytes.
        batch: The same rows as list columns, or None where they have no columnar twin.
    """

    records: Sequence[bytes]
    keys: Sequence[bytes]
    batch: pa.RecordBatch | None

    def divided(self, partition: Partition) -> list[tuple[Sequence[bytes], pa.RecordBatch | None]]:
        """Returns records and list columns of the rows of each split, in order."""
        return [self._chosen(rows) for rows in partition.divide(self.keys)]

    def _chosen(self, rows: NDArray[np.int64]) -> tuple[Sequence[bytes], pa.RecordBatch | None]:
        if len(rows) == len(self.records):
            return self.records, self.batch
        batch = None if self.batch is None else self.batch.take(pa.array(rows))
        return [self.records[row] for row in rows], batch


def rows_of(batches: Iterable[pa.RecordBatch], params: ExampleGenParams) -> Iterable[Rows]:
    """Yields list columns as rows to write, tf.Examples that are split as the parameters say."""
    return checked((example_rows(batch, params) for batch in batches), params)


def example_rows(batch: pa.RecordBatch, params: ExampleGenParams) -> Rows:
    """Returns list columns as rows to write: tf.Examples, and what decides on their splits."""
    records = encode_examples(batch)
    feature = params.partition_feature
    return Rows(
        records=records, keys=feature_keys(batch, feature) if feature else records, batch=batch
    )


def checked(rows: Iterable[Rows], params: ExampleGenParams) -> Iterable[Rows]:
    """Yields rows as they are.

    Raises:
        InputError: The feature that is to decide on their splits cannot.
    """
    feature = params.partition_feature
    if not feature:
        yield from rows
        return
    check = FeatureCheck(params.component, feature)
    for some in rows:
        check.add(Sighting.of(some.batch, feature))
        yield some
    check.finish()


def write_splits(
    rows: Iterable[Rows], shares: Sequence[OutputSplit], output: Path, params: ExampleGenParams
) -> int:
    """Writes one input split as one output split or several.

    Args:
        rows: All rows of the input split.
        shares: The output splits, and the share of each.
        output: Directory of the Examples artifact.
        params: Says how to write.

    Returns:
        The number of rows.
    """
    partition = Partition(shares)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                ExamplesWriter(
                    output,
                    name,
                    columnar=params.has_twin,
                    compression_level=params.compression_level,
                )
            )
            for name in partition.split_names
        ]
        for some in rows:
            for writer, (records, batch) in zip(writers, some.divided(partition), strict=True):
                if batch is None:
                    writer.write_records(records)
                else:
                    writer.write(batch, records)
    for writer, name in zip(writers, partition.split_names, strict=True):
        logging.info("%s: split %r has %d rows.", params.component, name, writer.num_rows)
    return sum(writer.num_rows for writer in writers)
