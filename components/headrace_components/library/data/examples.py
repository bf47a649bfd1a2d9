"""Reads and writes Examples artifacts: TFRecords, and their columnar twin if there is one.

The layout is in `headrace_components.artifacts.Examples`. Neither TensorFlow nor Beam is imported.
"""

import contextlib
import copy
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from headrace_components.contract.errors import ComponentError, InputError
from headrace_components.library.data import columnar as twin
from headrace_components.library.data import references
from headrace_components.library.data.columnar import ColumnarWriter, SplitManifest
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.example_files import (
    decoded_batches,
    paired,
    selected,
    serialized_batches,
)
from headrace_components.library.data.tfrecord import TFRecordWriter, read_records
from headrace_components.library.data.twin_rows import TwinPart, part_batches, parts_of

ROWS_PER_SHARD = 500_000

# The types that ExamplesToRecordBatchDecoder gives int64_list, float_list and bytes_list.
INT_LIST = pa.large_list(pa.int64())
FLOAT_LIST = pa.large_list(pa.float32())
BYTES_LIST = pa.large_list(pa.large_binary())


def examples_metadata(
    split_names: Sequence[str],
    *,
    span: int = 0,
    version: int | None = None,
    fingerprint: str = "",
    payload_format: str = "FORMAT_TF_EXAMPLE",
    file_format: str = "tfrecords_gzip",
) -> dict[str, str | int]:
    """Returns the metadata of an Examples artifact, with the names and values that TFX gives them.

    Args:
        split_names: Names of its splits.
        span: Number of the span that was read; 0 if the input has no spans.
        version: Version of the span, or None if the input has no versions.
        fingerprint: Fingerprint of the files that were read, or nothing.
        payload_format: Format of a record: name of a `tfx.proto.PayloadFormat`.
        file_format: Format of the files.
    """
    metadata: dict[str, str | int] = {
        "split_names": json.dumps(list(split_names)),
        "span": span,
        "payload_format": payload_format,
        "file_format": file_format,
    }
    if version is not None:
        metadata["version"] = version
    if fingerprint:
        metadata["input_fingerprint"] = fingerprint
    return metadata


class ExamplesReader:
    """Reads an Examples artifact, from its columnar twin if that exists and is complete.

    Attributes:
        component: Name of the component that reads, for what is logged.
        split_names: Names of the splits, sorted.

    Args:
        path: Directory of the artifact.
        component: Name of the component that reads.

    Raises:
        InputError: The directory is missing or has no split.
    """

    def __init__(self, path: Path, component: str) -> None:
        self._path = path = references.local(path)
        self.component = component
        self._twins: dict[str, SplitManifest | None] = {}
        # By split, the TFRecord and Parquet files that are read, if not all.
        self._slices: dict[str, tuple[slice, slice]] = {}
        self._checked: set[str] = set()
        names = (entry.name for entry in path.glob("Split-*") if entry.is_dir())
        self.split_names: tuple[str, ...] = tuple(
            sorted(name.removeprefix("Split-") for name in names)
        )
        if not self.split_names:
            raise InputError(
                f"{path} holds no Split-* directory, so it is not an Examples "
                "artifact. Connect the output of csv_example_gen or of transform."
            )

    @property
    def path(self) -> Path:
        """The directory that is read."""
        return self._path

    def part(self, split: str, tfrecords: slice, parquet: slice) -> "ExamplesReader":
        """Returns a reader of some files of a split, as if the split had no others.

        Args:
            split: Name of the split.
            tfrecords: Which of its TFRecord files.
            parquet: Which files of its columnar twin: those with the same rows.
        """
        made = copy.copy(self)
        made._twins = {}
        made._slices = {split: (tfrecords, parquet)}
        return made

    def check_split(self, split: str) -> None:
        """Raises InputError, with the names of the splits, if `split` is not among them."""
        if split not in self.split_names:
            raise InputError(
                f"split {split!r} is not in {self._path}, which has "
                f"{list(self.split_names)}. Name one of those, or add the split where the "
                "examples are made."
            )

    def tfrecord_pattern(self, split: str) -> str:
        """Returns a pattern that matches the TFRecord files of a split and nothing else."""
        self.check_split(split)
        references.fetch(self._path, f"Split-{split}", self.component)
        return str(self._path / f"Split-{split}" / "*")

    def tfrecord_files(self, split: str) -> list[Path]:
        """Returns the TFRecord files of a split, in order.

        Raises:
            InputError: The split does not exist, or has no file.
        """
        self.check_split(split)
        references.fetch(self._path, f"Split-{split}", self.component)
        files = twin.tfrecord_files(self._path, split)
        if not files:
            raise InputError(
                f"Split-{split} of {self._path} holds no TFRecord file. "
                "Run the component that wrote it again."
            )
        return files[self._slices[split][0]] if split in self._slices else files

    def batch_files(self, split: str) -> list[Path]:
        """Returns the files that `record_batches` reads: the twin's, or the TFRecords."""
        files = [path for path, _ in self.twin_parts(split) or ()]
        return files or self.tfrecord_files(split)

    def twin_parts(self, split: str) -> list[tuple[Path, TwinPart]] | None:
        """Returns the files of a split's columnar twin, in order; None if it has no twin.

        Damage is only noticed when a file is read.
        """
        manifest = self._twin(split)
        if manifest is None:
            return None
        directory = self._path / f"Columnar-{split}"
        try:
            references.fetch(self._path, directory.name, self.component)
        except ComponentError as error:
            self._ignore_twin(split, str(error))
            return None
        return [(directory / part.file.name, part) for part in parts_of(manifest)]

    def tfrecord_names(self, split: str) -> list[str]:
        """Returns the names of the TFRecord files of a split, without fetching them."""
        manifest = self._twin(split)
        if manifest is not None:
            return [file.name for file in manifest.tfrecords]
        return [file.name for file in self.tfrecord_files(split)]

    def contents_digest(self, split: str) -> str:
        """Returns a SHA-256 of the contents of a split's TFRecord files, in hex.

        With a twin it uses their sizes and checksums, else all their bytes.
        """
        manifest = self._twin(split)
        digest = hashlib.sha256()
        if manifest is not None:
            for entry in manifest.tfrecords:
                digest.update(f"{entry.size_bytes} {entry.trailer} ".encode())
        else:
            for path in self.tfrecord_files(split):
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def has_columnar(self, split: str) -> bool:
        """Returns whether the split has a columnar twin with the same rows as its TFRecords."""
        return self._twin(split) is not None

    def _twin(self, split: str) -> SplitManifest | None:
        self.check_split(split)
        if split not in self._twins:
            try:
                self._twins[split] = self._matching_twin(split)
            except (ValueError, KeyError, TypeError, OSError) as error:
                self._ignore_twin(split, f"{self._path / twin.MANIFEST} cannot be read ({error}).")
        return self._twins[split]

    def _matching_twin(self, split: str) -> SplitManifest | None:
        manifest = twin.read_manifest(self._path).get(split)
        # The same task wrote and moved both, and each file's size is checked when it is fetched.
        if manifest is None or references.read(self._path) is not None:
            return self._sliced(manifest, split)
        reason = twin.reason_to_ignore(self._path, split, manifest)
        if reason is None:
            return self._sliced(manifest, split)
        self._ignore_twin(split, reason)
        return None

    def _sliced(self, manifest: SplitManifest | None, split: str) -> SplitManifest | None:
        if manifest is None or split not in self._slices:
            return manifest
        tfrecords, parquet = self._slices[split]
        files = manifest.parquet[parquet]
        return SplitManifest(
            num_rows=sum(file.num_rows for file in files),
            tfrecords=manifest.tfrecords[tfrecords],
            parquet=files,
        )

    def _ignore_twin(self, split: str, reason: str) -> None:
        self._twins[split] = None
        logging.warning("%s: reading the TFRecords of split %r: %s", self.component, split, reason)

    def num_rows(self, split: str) -> int:
        """Returns the number of rows of a split; without a twin the whole split is read."""
        manifest = self._twin(split)
        if manifest is not None:
            return manifest.num_rows
        files = self.tfrecord_files(split)
        return sum(1 for file in files for _ in read_records(file))

    def record_batches(
        self, split: str, *, batch_size: int = 10_000, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yields the rows of a split as list columns, sorted by name.

        The types are the same as those of tfx_bsl's ExamplesToRecordBatchDecoder for the TFRecords:
        `large_list` of int64, float32 or large_binary, and `null` if no row of the batch has the
        feature.

        Args:
            split: Name of the split.
            batch_size: The maximum number of rows in a batch.
            columns: Names of the features to read; those that a batch lacks are left out. None
                reads all.

        Raises:
            InputError: The split does not exist, or a file is corrupt.
        """
        parts = self.twin_parts(split)
        if parts is None:
            for file in self.tfrecord_files(split):
                for batch, _ in decoded_batches(file, batch_size):
                    yield selected(batch, columns)
            return
        for path, part in parts:
            yield from part_batches(
                part,
                str(path),
                partial(_opened, path),
                lambda: map(_opened, self.tfrecord_files(split)),
                self.component,
                batch_size,
                columns,
                self._checked,
            )

    def serialized(self, split: str, *, batch_size: int = 10_000) -> Iterator[list[bytes]]:
        """Yields the rows of a split as serialized tf.Examples, in the order of `record_batches`.

        Args:
            split: Name of the split.
            batch_size: The maximum number of rows in a batch.

        Raises:
            InputError: The split does not exist, or a file is corrupt.
        """
        for file in self.tfrecord_files(split):
            yield from serialized_batches(file, batch_size)

    def pairs(
        self, split: str, *, batch_size: int = 10_000
    ) -> Iterator[tuple[pa.RecordBatch, list[bytes]]]:
        """Yields the same as `record_batches`, each batch with its rows as serialized tf.Examples.

        Args:
            split: Name of the split.
            batch_size: The maximum number of rows in a batch.

        Raises:
            InputError: The split does not exist, or a file is corrupt.
        """
        if self.has_columnar(split):
            yield from paired(
                self.record_batches(split, batch_size=batch_size),
                self.serialized(split, batch_size=batch_size),
            )
        else:
            for file in self.tfrecord_files(split):
                yield from decoded_batches(file, batch_size)


def _opened(path: Path) -> contextlib.AbstractContextManager[Path]:
    return contextlib.nullcontext(path)


def _typed_as_decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns a batch with the list types that the decoder yields."""
    types = (pa.null(), INT_LIST, FLOAT_LIST, BYTES_LIST)
    if all(field.type in types for field in batch.schema):
        return batch
    arrays = [column if column.type in types else _large_list(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


def _large_list(column: pa.Array) -> pa.Array:
    offsets = np.asarray(column.offsets).astype(np.int64)
    values = column.values.slice(offsets[0], offsets[-1] - offsets[0])
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = values.cast(pa.large_string()).cast(pa.large_binary())
    elif pa.types.is_binary(values.type):
        values = values.cast(pa.large_binary())
    is_null = np.append(np.asarray(column.is_null()), False)  # the end of the last list
    return pa.LargeListArray.from_arrays(pa.array(offsets - offsets[0], mask=is_null), values)


class ExamplesWriter:
    """Writes one split of an Examples artifact; use it as a context manager.

    Columns of a batch are `large_list` or `list` of int64, float32 or binary, or `null`. The
    manifest only lists a twin if the context ends without an error. Only one process at a time may
    finish splits of an artifact, because they share a manifest.

    Args:
        path: Directory of the artifact.
        split: Name of the split.
        prefix: The start of the TFRecord files' names.
        columnar: Whether to write the columnar twin.
        compression_level: gzip level of the TFRecords, 1 (fast) to 9 (small).
        rows_per_shard: Rows after which the next file begins; batches are not divided.
    """

    def __init__(
        self,
        path: Path,
        split: str,
        *,
        prefix: str = "data_tfrecord",
        columnar: bool = True,
        compression_level: int = 1,
        rows_per_shard: int = ROWS_PER_SHARD,
    ) -> None:
        self.num_rows = 0
        self._path = path
        self._split = split
        self._prefix = prefix
        self._level = compression_level
        self._rows_per_shard = rows_per_shard
        self._twin = ColumnarWriter(path, split, rows_per_file=rows_per_shard) if columnar else None
        self._shards: list[Path] = []
        self._shard: TFRecordWriter | None = None
        self._shard_rows = 0
        (path / f"Split-{split}").mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "ExamplesWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()
        else:
            self._abandon()

    def write(self, batch: pa.RecordBatch, serialized: Sequence[bytes] | None = None) -> None:
        """Appends rows.

        Args:
            batch: The rows as list columns.
            serialized: The same rows as serialized tf.Examples; made from `batch` if missing.

        Raises:
            OSError: The disk has no room for these rows, or for earlier ones.
        """
        self.write_records(encode_examples(batch) if serialized is None else serialized)
        if self._twin and batch.num_rows:
            self._twin.write(_typed_as_decoded(selected(batch, None)))

    def write_records(self, records: Sequence[bytes]) -> None:
        """Appends rows that are only TFRecords, of any payload format; not allowed with a twin.

        Raises:
            OSError: The disk has no room for these rows, or for earlier ones.
        """
        if not records:
            return
        self._open_shard().write(records)
        self._shard_rows += len(records)
        self.num_rows += len(records)

    def _open_shard(self) -> TFRecordWriter:
        if self._shard is not None and self._shard_rows >= self._rows_per_shard:
            self._shard.close()
            self._shard = None
        if self._shard is None:
            name = twin.numbered(self._prefix, ".gz", len(self._shards))
            self._shards.append(self._path / f"Split-{self._split}" / name)
            self._shard = TFRecordWriter(self._shards[-1], compression_level=self._level)
            self._shard_rows = 0
        return self._shard

    def _finish(self) -> None:
        # A split without rows becomes a file without records, as in TFX.
        shard = self._shard or self._open_shard()
        shard.close()
        twin.renumber(self._shards, self._prefix, ".gz")
        if self._twin:
            twin.vouch(self._path, self._split, self._twin.finish())

    def _abandon(self) -> None:
        # Report the first error: errors of closing are a consequence of it.
        if self._twin:
            with contextlib.suppress(OSError):
                self._twin.close()
        if self._shard:
            with contextlib.suppress(OSError):
                self._shard.close()
