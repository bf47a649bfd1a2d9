"""Divides the rows of Parquet files among splits, and writes them as Parquet again."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.import_example_gen.params import ImportExampleGenParams
from headrace_components.library.data import columnar
from headrace_components.library.sources.configs import OutputSplit
from headrace_components.library.sources.parquet_files import ParquetFiles, one_schema
from headrace_components.library.sources.partition import Partition
from headrace_components.library.sources.source import Agreement, Facts, Source

# TFX's `write_split.DEFAULT_PARQUET_FILE_NAME`.
PREFIX = "data_parquet"
_ROWS_PER_SHARD = 500_000


class ParquetRows(Source):
    """Blocks are unchanged rows, with the same columns in all files."""

    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Any]:
        """Yields the columns of the files, then blocks."""
        files = ParquetFiles(addresses)
        yield Facts(value=(addresses[0], files.schema))
        for _, batch in files.batches():
            yield batch

    def agree(self, facts: Sequence[tuple[str, pa.Schema]]) -> Agreement:
        """Returns the columns, which are the same."""
        return Agreement(value=one_schema(dict(facts)))


def write(
    params: ImportExampleGenParams,
    files: Mapping[str, Sequence[str]],
    output: Artifact,
    source: ParquetRows,
) -> None:
    """Writes the splits as `Split-<name>/data_parquet-NNNNN-of-NNNNN.parquet`, with snappy.

    Args:
        params: How to divide the rows.
        files: Paths or URIs by input split.
        output: The Examples artifact.
        source: How a file is read.

    Raises:
        InputError: The files of a split have no rows or different columns, or one is not Parquet.
    """
    for split, paths in files.items():
        if not _write_splits(source.read(split, paths), params.shares_of(split), output.path):
            raise source.no_rows(split, paths)


def _write_splits(found: Iterator[Any], shares: Sequence[OutputSplit], output: Path) -> int:
    """Writes one input split as one or several output splits, and returns the number of rows."""
    _, schema = next(found).value
    partition = Partition(shares)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(SplitWriter(output / f"Split-{name}", schema))
            for name in partition.split_names
        ]
        for batch in found:
            for writer, chosen in zip(writers, divided(batch, partition), strict=True):
                writer.write(chosen)
    for writer, name in zip(writers, partition.split_names, strict=True):
        logging.info("import_example_gen: split %r has %d rows.", name, writer.num_rows)
    return sum(writer.num_rows for writer in writers)


def divided(batch: pa.RecordBatch, partition: Partition) -> list[pa.RecordBatch]:
    """Returns the rows of each split, in order."""
    if len(partition.split_names) == 1:
        return [batch]
    return [batch.take(pa.array(rows)) for rows in partition.divide(_keys(batch))]


def _keys(batch: pa.RecordBatch) -> list[bytes]:
    """Returns the values of each row as bytes, in the order of the columns' names.

    TFX takes the row's pickle, which differs between versions of Python, and between equal rows.
    """
    columns = [_values(batch, index) for index in _by_name(batch.schema)]
    return [repr(row).encode() for row in zip(*columns, strict=True)]


def _values(batch: pa.RecordBatch, index: int) -> list[Any]:
    try:
        values: list[Any] = batch.column(index).to_pylist()
    except UnicodeDecodeError as error:
        raise InputError(
            f"column {batch.schema.field(index).name!r} of the Parquet files "
            f"holds a text that is not UTF-8 ({error}): the file is damaged, or the column is not "
            "text. Write the file again, with bytes as binary."
        ) from error
    return values


def _by_name(schema: pa.Schema) -> list[int]:
    return sorted(range(len(schema.names)), key=lambda index: schema.names[index])


class SplitWriter:
    """Writes the Parquet files of one split; use it as a context manager.

    Args:
        directory: Where to write them.
        schema: Names and types of the columns.

    Attributes:
        num_rows: Number of rows written.
    """

    def __init__(self, directory: Path, schema: pa.Schema) -> None:
        self.num_rows = 0
        self._directory = directory
        self._schema = schema
        self._shards: list[Path] = []
        self._shard: pq.ParquetWriter | None = None
        self._shard_rows = 0
        directory.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "SplitWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._open_shard()  # a split without rows is a file without rows
        self._close()
        columnar.renumber(self._shards, PREFIX, ".parquet")

    def write(self, batch: pa.RecordBatch) -> None:
        """Appends rows."""
        if not batch.num_rows:
            return
        self._open_shard().write_table(pa.Table.from_batches([batch]))
        self._shard_rows += batch.num_rows
        self.num_rows += batch.num_rows

    def _open_shard(self) -> pq.ParquetWriter:
        if self._shard_rows >= _ROWS_PER_SHARD:
            self._close()
        if self._shard is None:
            name = columnar.numbered(PREFIX, ".parquet", len(self._shards))
            self._shards.append(self._directory / name)
            self._shard = pq.ParquetWriter(self._shards[-1], self._schema, compression="snappy")
        return self._shard

    def _close(self) -> None:
        if self._shard is not None:
            self._shard.close()
            self._shard = None
            self._shard_rows = 0
