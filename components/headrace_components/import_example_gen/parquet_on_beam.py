"""Imports rows of Parquet on Beam: each file on one worker."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import pyarrow as pa

from headrace_components.contract.task import Artifact
from headrace_components.import_example_gen.params import ImportExampleGenParams
from headrace_components.import_example_gen.parquet_payload import (
    PREFIX,
    ParquetRows,
    SplitWriter,
    divided,
)
from headrace_components.library.beam import job, locations
from headrace_components.library.beam.bundles import WriteBundles, name_finally
from headrace_components.library.sources.beam_engine import BlockPosition, check_rows, read
from headrace_components.library.sources.partition import Partition
from headrace_components.library.sources.source import Agreement


@dataclass(frozen=True, kw_only=True, slots=True)
class _SplitTable:
    """Some rows to write, the split that they belong to, and its columns."""

    split: str
    batch: pa.RecordBatch
    schema: pa.Schema


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shard:
    """The files that one bundle wrote for a split: their names and place, and how many rows."""

    split: str
    directory: str
    names: Sequence[str]
    num_rows: int


def write(
    params: ImportExampleGenParams,
    files: Mapping[str, Sequence[str]],
    output: Artifact,
    source: ParquetRows,
) -> None:
    """Writes the files of each input split; see `parquet_payload.write`."""

    def build(running: job.Job) -> Callable[[], None]:
        tables, schemas = [], []
        for split, paths in files.items():
            blocks, agreement = read(running, split, paths, source)
            agreed = beam.pvalue.AsSingleton(agreement)
            partition = Partition(params.shares_of(split))
            tables.append(blocks | f"Divide[{split}]" >> beam.FlatMap(_divide, agreed, partition))
            schemas.append(agreement | f"Schema[{split}]" >> beam.Map(_schema, split))
        shards = (
            tables
            | "Rows" >> beam.Flatten()
            | "Write" >> beam.ParDo(_WritePayloads(running.scratch))
        )
        gathered = running.gather(shards)
        gathered_schemas = running.gather(schemas | "Schemas" >> beam.Flatten())
        location = running.location(output)
        return lambda: _finish(
            params, files, source, location, gathered(), dict(gathered_schemas())
        )

    job.run(params.component, params.beam_pipeline_args, output, build)


def _divide(
    placed: tuple[BlockPosition, pa.RecordBatch], agreed: Agreement, partition: Partition
) -> Iterator[_SplitTable]:
    _, batch = placed
    for split, chosen in zip(partition.split_names, divided(batch, partition), strict=True):
        if chosen.num_rows:
            yield _SplitTable(split=split, batch=chosen, schema=agreed.value)


def _schema(agreement: Agreement, split: str) -> tuple[str, pa.Schema]:
    return split, agreement.value


class _WritePayloads(WriteBundles):
    def open(self, directory: Path, rows: _SplitTable) -> SplitWriter:
        return SplitWriter(directory / rows.split, rows.schema)

    def write(self, writer: SplitWriter, rows: _SplitTable) -> None:
        writer.write(rows.batch)

    def publish(self, directory: Path, split: str, writer: SplitWriter, target: str) -> _Shard:
        paths = sorted((directory / split).iterdir())
        for path in paths:
            locations.publish(path, locations.join(target, path.name))
        names = [path.name for path in paths]
        return _Shard(split=split, directory=target, names=names, num_rows=writer.num_rows)


def _finish(
    params: ImportExampleGenParams,
    files: Mapping[str, Sequence[str]],
    source: ParquetRows,
    location: str,
    shards: Sequence[_Shard],
    schemas: Mapping[str, pa.Schema],
) -> None:
    rows = [(shard.split, shard.num_rows) for shard in shards]
    check_rows(params, files, rows, source)
    for input_split in files:
        for share in params.shares_of(input_split):
            directory = locations.join(location, f"Split-{share.name}")
            written = [shard for shard in shards if shard.split == share.name]
            if written:
                paths = [
                    locations.join(shard.directory, name)
                    for shard in written
                    for name in shard.names
                ]
                name_finally(paths, directory, PREFIX, ".parquet")
            else:
                _write_empty(schemas[input_split], directory)


def _write_empty(schema: pa.Schema, directory: str) -> None:
    with tempfile.TemporaryDirectory(prefix="headrace-beam-") as scratch:
        with SplitWriter(Path(scratch), schema):
            pass
        for path in Path(scratch).iterdir():
            locations.publish(path, locations.join(directory, path.name))
