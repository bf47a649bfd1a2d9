"""Reads Parquet files on Beam: each on one worker."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from headrace_components.contract.task import Artifact
from headrace_components.library.sources.beam_engine import write_files
from headrace_components.library.sources.beam_sources import Agreement, Facts, TableSource
from headrace_components.library.sources.parquet_files import ParquetFiles, one_schema
from headrace_components.library.sources.values import FeatureColumns
from headrace_components.parquet_example_gen.executor import ADVICE
from headrace_components.parquet_example_gen.params import ParquetExampleGenParams

_COMPONENT = ParquetExampleGenParams.component


def write(
    params: ParquetExampleGenParams, files: Mapping[str, Sequence[str]], output: Artifact
) -> None:
    """Writes the files of each input split; see `example_gen.beam_engine.write_files`."""
    write_files(params, files, output, _ParquetSource(params))


class _ParquetSource(TableSource):
    """Blocks are a path and some of the file's rows; all files have the same columns."""

    def read(self, split: str, address: str) -> Iterator[Any]:
        file = ParquetFiles(_COMPONENT, [address])
        yield Facts(value=file.schema)
        yield from file.batches()

    def agree(self, facts: Mapping[str, pa.Schema]) -> Agreement:
        one_schema(_COMPONENT, facts)
        return Agreement(value=None)

    def columns(self, block: tuple[str, pa.RecordBatch], agreed: Any) -> pa.RecordBatch:
        path, batch = block
        # Files with the same columns have the same features: no batch need see the others.
        return FeatureColumns(_COMPONENT, ADVICE).of(batch, path)
