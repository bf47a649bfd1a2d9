"""Reads Parquet files into examples, some thousand rows at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.sources import from_files
from headrace_components.library.sources.parquet_files import ParquetFiles, one_schema
from headrace_components.library.sources.source import Agreement, Facts, TableSource
from headrace_components.library.sources.values import FeatureColumns
from headrace_components.parquet_example_gen.params import ParquetExampleGenParams

_ADVICE = "Change the column where the file is written, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(ParquetExampleGenParams, task.params, task.component)
    from_files.write(params, task.output("examples"), ParquetSource(params))


class ParquetSource(TableSource):
    """Blocks are a path and some of the file's rows; all files have the same columns."""

    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Any]:
        """Yields the columns of the files, then blocks."""
        files = ParquetFiles(addresses)
        yield Facts(value=(addresses[0], files.schema))
        yield from files.batches()

    def agree(self, facts: Sequence[tuple[str, pa.Schema]]) -> Agreement:
        """Checks that the columns are the same."""
        return Agreement(value=one_schema(dict(facts)))

    def columns(self, block: tuple[str, pa.RecordBatch], agreed: Any) -> pa.RecordBatch:
        """Returns a block as list columns."""
        path, batch = block
        # Files with the same columns have the same features: batches need not be compared.
        return FeatureColumns(_ADVICE).of(batch, path)
