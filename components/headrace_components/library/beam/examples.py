"""Examples artifacts as Beam reads and writes them.

The rows are the same as with the embedded engine, except for their order and their division into
shards, which are not defined in Beam.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import DirectOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from headrace_components.library.beam import locations
from headrace_components.library.beam.bundles import WriteBundles, name_finally
from headrace_components.library.data import columnar as twin
from headrace_components.library.data.columnar import ParquetFile, SplitManifest, TFRecordFile
from headrace_components.library.data.example_files import (
    decoded_batches,
    selected,
    serialized_batches,
)
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from headrace_components.library.data.twin_rows import TwinPart, part_batches

BATCH_SIZE = 10_000

F = TypeVar("F", TFRecordFile, ParquetFile)


class ReadRecordBatches(beam.PTransform):
    """Reads a split as list columns: from the twin if it is complete, else from TFRecords.

    Yields `pa.RecordBatch`es like `ExamplesReader.record_batches`. A worker reads one file at a
    time; the batches are then distributed over all workers. A single worker reads them in order.

    Args:
        reader: The artifact, opened when the pipeline is built.
        split: Name of the split.
        location: Where workers find the artifact.
        columns: Names of the features to read; None reads all.
        batch_size: The maximum number of rows in a batch.
    """

    def __init__(
        self,
        reader: ExamplesReader,
        split: str,
        location: str,
        *,
        columns: Sequence[str] | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        super().__init__()
        parts = reader.twin_parts(split)
        arguments: Mapping[str, Any] = {"columns": columns, "batch_size": batch_size}
        tfrecords = [
            locations.join(location, f"Split-{split}", name)
            for name in reader.tfrecord_names(split)
        ]
        self._files: list[Any] = tfrecords
        self._read = partial(_decoded_batches, **arguments)
        if parts:
            directory = locations.join(location, f"Columnar-{split}")
            self._files = [(locations.join(directory, path.name), part) for path, part in parts]
            self._read = partial(
                _twin_batches, tfrecords=tfrecords, component=reader.component, **arguments
            )

    def expand(self, pipeline: beam.Pipeline) -> Any:
        """Returns the batches."""
        return _spread(pipeline, self._files, self._read)


class _ReadTFRecords(beam.PTransform):
    """Reads the TFRecords of a split.

    Args:
        reader: The artifact, opened when the pipeline is built.
        split: Name of the split.
        location: Where workers find the artifact.
        batch_size: The maximum number of records in a batch.
    """

    _batches: Callable[..., Iterator[Any]]  # of a file's location and batch_size

    def __init__(
        self,
        reader: ExamplesReader,
        split: str,
        location: str,
        *,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        super().__init__()
        directory = locations.join(location, f"Split-{split}")
        files = reader.tfrecord_files(split)
        self._files = [locations.join(directory, file.name) for file in files]
        self._read = partial(type(self)._batches, batch_size=batch_size)

    def expand(self, pipeline: beam.Pipeline) -> Any:
        """Returns the batches."""
        return _spread(pipeline, self._files, self._read)


def _records(location: str, batch_size: int) -> Iterator[list[bytes]]:
    with locations.fetched(location) as file:
        yield from serialized_batches(file, batch_size)


def _pairs(location: str, batch_size: int) -> Iterator[tuple[pa.RecordBatch, list[bytes]]]:
    with locations.fetched(location) as file:
        yield from decoded_batches(file, batch_size)


class ReadRecords(_ReadTFRecords):
    """Reads a split as lists of serialized records, of any payload format."""

    _batches = staticmethod(_records)


class ReadPairs(_ReadTFRecords):
    """Reads a split as pairs of a `pa.RecordBatch` and the list of its serialized tf.Examples."""

    _batches = staticmethod(_pairs)


def _spread(pipeline: beam.Pipeline, files: Sequence[Any], read: Any) -> Any:
    created = pipeline | "Files" >> beam.Create(files)
    if _has_one_worker(created.pipeline):
        # To distribute the rows, this process would need memory for all of them.
        return created | "Read" >> beam.FlatMap(read)
    return (
        created
        | "SpreadFiles" >> beam.Reshuffle()
        | "Read" >> beam.FlatMap(read)
        | "SpreadBatches" >> beam.Reshuffle()
    )


def _has_one_worker(pipeline: beam.Pipeline) -> bool:
    if isinstance(pipeline.runner, FnApiRunner):
        return bool(pipeline.options.view_as(DirectOptions).direct_num_workers == 1)
    return isinstance(pipeline.runner, BundleBasedDirectRunner)


def _decoded_batches(
    location: str, columns: Sequence[str] | None, batch_size: int
) -> Iterator[pa.RecordBatch]:
    with locations.fetched(location) as file:
        for batch, _ in decoded_batches(file, batch_size):
            yield selected(batch, columns)


def _twin_batches(
    file: tuple[str, TwinPart],
    tfrecords: Sequence[str],
    component: str,
    columns: Sequence[str] | None,
    batch_size: int,
) -> Iterator[pa.RecordBatch]:
    location, part = file
    return part_batches(
        part,
        location,
        partial(locations.fetched, location),
        lambda: map(locations.fetched, tfrecords),
        component,
        batch_size,
        columns,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitRows:
    """Some rows to write.

    Attributes:
        split: Name of the split they belong to.
        records: The rows in the form for TFRecords; None to make them from `batch`.
        batch: The same rows as list columns, or None without a columnar twin.
    """

    split: str
    records: Sequence[bytes] | None
    batch: pa.RecordBatch | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """The files that one bundle wrote for a split, under unique names.

    Attributes:
        split: Name of the split.
        directory: Location of the files.
        manifest: Its files and rows; without rows of Parquet if there is no twin.
    """

    split: str
    directory: str
    manifest: SplitManifest


class WriteShards(beam.PTransform):
    """Writes `SplitRows` and gives one `Shard` a bundle and split.

    Gather these, and pass them to `finish` after the pipeline has run. Files get their names there,
    so a bundle that was tried twice leaves nothing behind.

    Args:
        scratch: Location for the files until then.
        prefix: The beginning of the TFRecord files' names.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
    """

    def __init__(
        self, scratch: str, *, prefix: str = "data_tfrecord", compression_level: int = 1
    ) -> None:
        super().__init__()
        self._scratch = scratch
        self._prefix = prefix
        self._level = compression_level

    def expand(self, rows: Any) -> Any:
        """Returns the shards."""
        return rows | "Write" >> beam.ParDo(_Write(self._scratch, self._prefix, self._level))


class _Write(WriteBundles):
    def __init__(self, scratch: str, prefix: str, compression_level: int) -> None:
        super().__init__(scratch)
        self._prefix = prefix
        self._level = compression_level

    def open(self, directory: Path, rows: SplitRows) -> ExamplesWriter:
        return ExamplesWriter(
            directory,
            rows.split,
            prefix=self._prefix,
            columnar=rows.batch is not None,
            compression_level=self._level,
        )

    def write(self, writer: ExamplesWriter, rows: SplitRows) -> None:
        if rows.batch is None:
            writer.write_records(rows.records or ())
        else:
            writer.write(rows.batch, rows.records)

    def publish(self, directory: Path, split: str, writer: ExamplesWriter, target: str) -> Shard:
        manifest = twin.read_manifest(directory).get(split)
        if manifest is None:
            files = twin.tfrecord_files(directory, split)
            records = tuple(TFRecordFile.of(file) for file in files)
            manifest = SplitManifest(num_rows=writer.num_rows, tfrecords=records, parquet=())
        for folder in (f"Split-{split}", f"Columnar-{split}"):
            for file in sorted((directory / folder).glob("*")):
                locations.publish(file, locations.join(target, folder, file.name))
        return Shard(split=split, directory=target, manifest=manifest)


def finish(
    shards: Sequence[Shard],
    splits: Sequence[str],
    location: str,
    *,
    columnar: bool = True,
    prefix: str = "data_tfrecord",
) -> Mapping[str, int]:
    """Gives the files of all shards their names, and lists the twin in the manifest.

    Args:
        shards: The files that the pipeline wrote.
        splits: Names of all splits; a split without rows gets a file without records, as in TFX.
        location: Where workers find the Examples artifact.
        columnar: Whether there is a columnar twin.
        prefix: The start of the TFRecord files' names.

    Returns:
        The number of rows of each split.
    """
    manifests = {}
    for split in splits:
        written = [shard for shard in shards if shard.split == split]
        finished = _finish_split if written else _write_empty
        manifests[split] = finished(written, split, location, prefix)
    if columnar:
        text = twin.manifest_text(manifests)
        locations.write_bytes(locations.join(location, twin.MANIFEST), text.encode())
    return {split: manifest.num_rows for split, manifest in manifests.items()}


def _finish_split(shards: Sequence[Shard], split: str, location: str, prefix: str) -> SplitManifest:
    # Any order works; this one is the same for the twin and the TFRecords.
    ordered = sorted(shards, key=lambda shard: shard.directory)
    tfrecords = [(shard.directory, file) for shard in ordered for file in shard.manifest.tfrecords]
    parquet = [(shard.directory, file) for shard in ordered for file in shard.manifest.parquet]
    return SplitManifest(
        num_rows=sum(shard.manifest.num_rows for shard in shards),
        tfrecords=_named(tfrecords, f"Split-{split}", location, prefix, ".gz"),
        parquet=_named(parquet, f"Columnar-{split}", location, "part", ".parquet"),
    )


def _write_empty(_: Sequence[Shard], split: str, location: str, prefix: str) -> SplitManifest:
    with tempfile.TemporaryDirectory(prefix="headrace-beam-") as directory:
        with ExamplesWriter(Path(directory), split, prefix=prefix):
            pass
        manifest = twin.read_manifest(Path(directory))[split]
        for file in twin.tfrecord_files(Path(directory), split):
            locations.publish(file, locations.join(location, f"Split-{split}", file.name))
    return manifest


def _named(
    files: Sequence[tuple[str, F]], folder: str, location: str, prefix: str, suffix: str
) -> tuple[F, ...]:
    """Renames files of the shards to their names in the artifact, and returns these."""
    named = name_finally(
        [locations.join(directory, folder, file.name) for directory, file in files],
        locations.join(location, folder),
        prefix,
        suffix,
    )
    return tuple(replace(file, name=name) for (_, file), name in zip(files, named, strict=True))
