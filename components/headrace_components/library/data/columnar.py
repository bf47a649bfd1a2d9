"""The columnar twin of TFRecord examples, and the manifest that connects the two.

Layout, beside the `Split-<name>` directories: `Columnar-<name>/part-NNNNN-of-NNNNN.parquet` and, at
the root, `columnar.json`:

    {"format_version": 2,
     "crc32c": ...,
     "splits": {"train": {"num_rows": 3,
                          "tfrecords": [{"name": ..., "size_bytes": ..., "trailer": ...}],
                          "parquet": [{"name": ..., "size_bytes": ..., "num_rows": ...,
                                       "crc32c": ...}]}}}

`trailer` is the last eight bytes of the gzip file in hex: the CRC32 and the size of its contents
(RFC 1952). With it a replaced TFRecord file is noticed without reading the whole file.

Parquet has no checksum of its headers and footer, and a single wrong bit there gives other values,
or crashes the process. So `crc32c` of a Parquet file covers all its bytes, as eight hex digits, and
is checked before a value is read. The checksum of the manifest covers its splits, as JSON without
spaces and with sorted keys.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq

from headrace_components.library.data.tfrecord import GZIP_TRAILER_BYTES

MANIFEST = "columnar.json"
FORMAT_VERSION = 2

_READ_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class TFRecordFile:
    """The manifest's entry for a TFRecord file.

    Attributes:
        name: File name within `Split-<name>`.
        size_bytes: Size of the compressed file.
        trailer: Last eight bytes in hex.
    """

    name: str
    size_bytes: int
    trailer: str

    @classmethod
    def of(cls, path: Path) -> "TFRecordFile":
        """Returns the entry for the current contents of `path`."""
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - GZIP_TRAILER_BYTES))
            trailer = file.read(GZIP_TRAILER_BYTES)
        return cls(name=path.name, size_bytes=size, trailer=trailer.hex())


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetFile:
    """The manifest's entry for a Parquet file.

    Attributes:
        name: File name within `Columnar-<name>`.
        size_bytes: Size of the file.
        num_rows: Its rows.
        crc32c: CRC32C of all its bytes, as eight hex digits.
    """

    name: str
    size_bytes: int
    num_rows: int
    crc32c: str

    def damage(self, path: Path) -> str | None:
        """Returns a description of the damage of the file at `path`; None if it is unchanged.

        This takes a tenth of the time for decoding the file.

        Raises:
            OSError: The file cannot be read.
        """
        size, crc = 0, 0
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                size += len(chunk)
                crc = google_crc32c.extend(crc, chunk)
        if size != self.size_bytes:
            return f"it has {size} bytes, and was written with {self.size_bytes}"
        return None if _hex(crc) == self.crc32c else "its checksum does not match"


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitManifest:
    """The manifest's entry for a split.

    Attributes:
        num_rows: Rows of the split, in TFRecords and Parquet alike.
        tfrecords: Its TFRecord files, in order.
        parquet: Its Parquet files, in order.
    """

    num_rows: int
    tfrecords: tuple[TFRecordFile, ...]
    parquet: tuple[ParquetFile, ...]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SplitManifest":
        """Reads the entry of a split."""
        return cls(
            num_rows=value["num_rows"],
            tfrecords=tuple(TFRecordFile(**entry) for entry in value["tfrecords"]),
            parquet=tuple(ParquetFile(**entry) for entry in value["parquet"]),
        )


def tfrecord_files(examples: Path, split: str) -> list[Path]:
    """Returns the TFRecord files of a split, in order."""
    return sorted(path for path in (examples / f"Split-{split}").glob("*") if path.is_file())


def read_manifest(examples: Path) -> dict[str, SplitManifest]:
    """Returns the manifest by split; empty if there is none.

    Raises:
        ValueError: It is not a manifest of this format version.
    """
    file = examples / MANIFEST
    if not file.is_file():
        return {}
    content = json.loads(file.read_text("utf-8"))
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise ValueError(f"its format version is {version!r}, this code reads {FORMAT_VERSION}")
    splits = content.get("splits")
    if content.get("crc32c") != _crc_of(splits):
        raise ValueError("its checksum does not match")
    return {name: SplitManifest.from_json(entry) for name, entry in splits.items()}


def reason_to_ignore(examples: Path, split: str, entry: SplitManifest) -> str | None:
    """Returns why a split's twin must not be read; None if it has the same rows as the TFRecords.

    A damaged Parquet file is only noticed when it is read.

    Args:
        examples: Directory of the artifact.
        split: Name of the split.
        entry: The manifest's entry for it.

    Returns:
        One sentence that names the file at fault.
    """
    found = tfrecord_files(examples, split)
    listed = {file.name: file for file in entry.tfrecords}
    for path in found:
        if listed.get(path.name) != TFRecordFile.of(path):
            return f"{path} is not the file that {MANIFEST} describes."
    missing = sorted(set(listed) - {path.name for path in found})
    if missing:
        return f"{examples / f'Split-{split}' / missing[0]} is in {MANIFEST} but not on disk."
    for part in entry.parquet:
        path = examples / f"Columnar-{split}" / part.name
        if not path.is_file() or path.stat().st_size != part.size_bytes:
            return f"{path} is missing, or is not the file that {MANIFEST} describes."
    return None


def vouch(examples: Path, split: str, parquet: Sequence[ParquetFile]) -> None:
    """Adds Parquet files of a split to the manifest: they have the same rows as its TFRecords.

    Args:
        examples: Directory of the artifact; the files of the split are complete.
        split: Name of the split.
        parquet: Its Parquet files, in order.
    """
    entry = SplitManifest(
        num_rows=sum(file.num_rows for file in parquet),
        tfrecords=tuple(TFRecordFile.of(path) for path in tfrecord_files(examples, split)),
        parquet=tuple(parquet),
    )
    temporary = examples / f"{MANIFEST}.partial"
    temporary.write_text(manifest_text({**read_manifest(examples), split: entry}), "utf-8")
    temporary.replace(examples / MANIFEST)  # a reader sees either the old manifest or the new one


def manifest_text(splits: Mapping[str, SplitManifest]) -> str:
    """Returns the content of a manifest with these splits."""
    entries = {name: asdict(splits[name]) for name in sorted(splits)}
    content = {"format_version": FORMAT_VERSION, "crc32c": _crc_of(entries), "splits": entries}
    return json.dumps(content, indent=1) + "\n"


def _crc_of(splits: Any) -> str:
    text = json.dumps(splits, sort_keys=True, separators=(",", ":"))
    return _hex(google_crc32c.value(text.encode()))


def _hex(crc: int) -> str:
    return f"{crc:08x}"


class _SummedFile:
    """A file to write, with its size and CRC32C.

    The checksum is that of the written bytes, even if they are damaged afterwards.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._crc = 0
        self._file = path.open("wb")

    @property
    def closed(self) -> bool:
        return self._file.closed

    @property
    def crc32c(self) -> str:
        return _hex(self._crc)

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self.size_bytes += len(data)
        self._crc = google_crc32c.extend(self._crc, data)
        return len(data)

    def tell(self) -> int:
        return self.size_bytes

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class ColumnarWriter:
    """Writes the Parquet files of one split.

    A file has one schema. If a batch does not fit, because it has a new feature, the next file
    begins.

    Args:
        examples: Directory of the artifact.
        split: Name of the split.
        rows_per_file: Rows after which the next file begins.
    """

    def __init__(self, examples: Path, split: str, *, rows_per_file: int) -> None:
        self._directory = examples / f"Columnar-{split}"
        self._directory.mkdir(parents=True, exist_ok=True)
        self._rows_per_file = rows_per_file
        self._files: list[ParquetFile] = []
        self._file: _SummedFile | None = None
        self._num_rows = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Appends rows; columns are sorted by name."""
        if self._writer is not None:
            fitted = _fitted(batch, self._writer.schema)
            if fitted is None or self._num_rows >= self._rows_per_file:
                self.close()
            else:
                batch = fitted
        if self._writer is None:
            self._writer = self._open(batch.schema)
        self._writer.write_table(pa.Table.from_batches([batch]))
        self._num_rows += batch.num_rows

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        self._file = _SummedFile(self._directory / numbered("part", ".parquet", len(self._files)))
        self._num_rows = 0
        # lz4 halves the file and takes hardly any time; columns are read more often than written.
        sink = pa.PythonFile(self._file, mode="w")
        return pq.ParquetWriter(sink, schema, compression="lz4")

    def close(self) -> None:
        """Completes the file that is being written."""
        if self._writer is None or self._file is None:
            return
        writer, file = self._writer, self._file
        self._writer = self._file = None
        try:
            writer.close()
        finally:
            file.close()
        self._files.append(
            ParquetFile(
                name=file.path.name,
                size_bytes=file.size_bytes,
                num_rows=self._num_rows,
                crc32c=file.crc32c,
            )
        )

    def finish(self) -> list[ParquetFile]:
        """Completes all files and returns them under their final names."""
        self.close()
        written = [self._directory / file.name for file in self._files]
        paths = renumber(written, "part", ".parquet")
        return [
            replace(file, name=path.name) for path, file in zip(paths, self._files, strict=True)
        ]


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch | None:
    """Returns `batch` in the form of `schema`, or None if it does not fit."""
    if batch.schema.equals(schema):
        return batch
    if not set(batch.schema.names) <= set(schema.names):
        return None
    arrays = []
    for field in schema:
        position = batch.schema.get_field_index(field.name)
        column = pa.nulls(batch.num_rows) if position < 0 else batch.column(position)
        if column.type != field.type:
            if column.null_count < len(column):
                return None
            column = pa.nulls(len(column), field.type)
        arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def numbered(prefix: str, suffix: str, index: int, total: int | None = None) -> str:
    """Returns a shard's file name; with an unknown total it has the least possible total."""
    return f"{prefix}-{index:05d}-of-{index + 1 if total is None else total:05d}{suffix}"


def renumber(paths: Sequence[Path], prefix: str, suffix: str) -> list[Path]:
    """Gives shards their final names, now that their number is known, and returns them.

    A single shard already has its final name: on a mounted bucket, a rename is a copy.
    """
    final = [
        path.with_name(numbered(prefix, suffix, index, len(paths)))
        for index, path in enumerate(paths)
    ]
    for path, target in zip(paths, final, strict=True):
        if path != target:
            path.replace(target)
    return final
