"""Rows before they are written to the files of splits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_components.library.sources.partition import Partition


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedRows:
    """Some rows to write.

    Attributes:
        records: The rows in the form for TFRecords.
        keys: The key of each row that decides on its split, as bytes.
        batch: The same rows as list columns, or None without a columnar twin.
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
