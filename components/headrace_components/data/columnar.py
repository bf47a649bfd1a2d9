"""The columnar twin of TFRecord examples, and the manifest that ties the two.

Layout, beside the `Split-<name>` directories: `Columnar-<name>/part-NNNNN-of-NNNNN.parquet` and, at
the root, `columnar.json`:

    {"format_version": 1,
     "splits": {"train": {"num_rows": 3,
                          "tfrecords": [{"name": ..., "size_bytes": ..., "trailer": ...}],
                          "parquet": [{"name": ..., "size_bytes": ..., "num_rows": ...}]}}}

`trailer` is the last eight bytes of the gzip file in hex: the CRC32 and the size of what it holds
(RFC 1952), which tell whether a TFRecord file was replaced without reading it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_components.data.tfrecord import GZIP_TRAILER_BYTES

MANIFEST = "columnar.json"
FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class TFRecordFile:
    """What the manifest says of a TFRecord file.

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
        """Returns what the manifest would say of `path` as it is now."""
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - GZIP_TRAILER_BYTES))
            trailer = file.read(GZIP_TRAILER_BYTES)
        return cls(name=path.name, size_bytes=size, trailer=trailer.hex())


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetFile:
    """What the manifest says of a Parquet file: name within `Columnar-<name>`, size and rows."""

    name: str
    size_bytes: int
    num_rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitManifest:
    """What the manifest says of a split.

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


def parquet_files(examples: Path, split: str) -> list[Path]:
    """Returns the Parquet files of a split, in order."""
    directory = examples / f"Columnar-{split}"
    return [directory / entry.name for entry in read_manifest(examples)[split].parquet]


def read_manifest(examples: Path) -> dict[str, SplitManifest]:
    """Returns the manifest by split; empty where there is none.

    Raises:
        ValueError: It is no manifest of this format version.
    """
    file = examples / MANIFEST
    if not file.is_file():
        return {}
    content = json.loads(file.read_text("utf-8"))
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(f"its format version is {version!r}, this code reads {FORMAT_VERSION}")
    return {name: SplitManifest.from_json(entry) for name, entry in content["splits"].items()}


def reason_to_ignore(examples: Path, split: str) -> str | None:
    """Says why the twin of a split must not be read; None where it holds what the TFRecords hold.

    Args:
        examples: Directory of the artifact.
        split: Name of the split.

    Returns:
        One sentence that names the file at fault; empty where there is no twin at all.
    """
    try:
        manifest = read_manifest(examples)
    except (ValueError, KeyError, TypeError) as error:
        return f"{examples / MANIFEST} cannot be read ({error})."
    if split not in manifest:
        return ""
    entry = manifest[split]
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


def vouch(examples: Path, split: str, parquet: Sequence[tuple[Path, int]]) -> None:
    """Writes into the manifest that the Parquet files of a split hold what its TFRecords hold.

    Args:
        examples: Directory of the artifact; the files of the split are complete.
        split: Name of the split.
        parquet: Its Parquet files, in order, with the rows of each.
    """
    entry = SplitManifest(
        num_rows=sum(num_rows for _, num_rows in parquet),
        tfrecords=tuple(TFRecordFile.of(path) for path in tfrecord_files(examples, split)),
        parquet=tuple(
            ParquetFile(name=path.name, size_bytes=path.stat().st_size, num_rows=num_rows)
            for path, num_rows in parquet
        ),
    )
    temporary = examples / f"{MANIFEST}.partial"
    temporary.write_text(manifest_text({**read_manifest(examples), split: entry}), "utf-8")
    temporary.replace(examples / MANIFEST)  # a reader sees the old manifest or the new one


def manifest_text(splits: Mapping[str, SplitManifest]) -> str:
    """Returns the content of the manifest that says this of the splits."""
    content = {
        "format_version": FORMAT_VERSION,
        "splits": {name: asdict(splits[name]) for name in sorted(splits)},
    }
    return json.dumps(content, indent=1) + "\n"


class ColumnarWriter:
    """Writes the Parquet files of one split.

    A file has one schema. Where a batch does not fit - a feature appears that no row had before -
    the next file begins.

    Args:
        examples: Directory of the artifact.
        split: Name of the split.
        rows_per_file: Rows after which the next file begins.
    """

    def __init__(self, examples: Path, split: str, *, rows_per_file: int) -> None:
        self._directory = examples / f"Columnar-{split}"
        self._directory.mkdir(parents=True, exist_ok=True)
        self._rows_per_file = rows_per_file
        self._files: list[tuple[Path, int]] = []
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Appends rows; columns are sorted by name."""
        if self._writer is not None:
            fitted = _fitted(batch, self._writer.schema)
            if fitted is None or self._files[-1][1] >= self._rows_per_file:
                self.close()
            else:
                batch = fitted
        if self._writer is None:
            path = self._directory / numbered("part", ".parquet", len(self._files))
            # lz4 halves the file at next to no time; the columns are read far more than stored.
            self._writer = pq.ParquetWriter(path, batch.schema, compression="lz4")
            self._files.append((path, 0))
        self._writer.write_table(pa.Table.from_batches([batch]))
        path, num_rows = self._files[-1]
        self._files[-1] = (path, num_rows + batch.num_rows)

    def close(self) -> None:
        """Completes the file that is being written."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def finish(self) -> list[tuple[Path, int]]:
        """Completes all files and returns them under their final names, with the rows of each."""
        self.close()
        paths = renumber([path for path, _ in self._files], "part", ".parquet")
        return [(path, rows) for path, (_, rows) in zip(paths, self._files, strict=True)]


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch | None:
    """Returns `batch` in the form of `schema`, or None where it has none."""
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
    """Returns a shard's file name; while the total is unknown, the least that it can be."""
    return f"{prefix}-{index:05d}-of-{index + 1 if total is None else total:05d}{suffix}"


def renumber(paths: Sequence[Path], prefix: str, suffix: str) -> list[Path]:
    """Gives shards their final names, now that their number is known, and returns them.

    A lone shard has it already: on a mounted bucket, renaming is copying.
    """
    final = [
        path.with_name(numbered(prefix, suffix, index, len(paths)))
        for index, path in enumerate(paths)
    ]
    for path, target in zip(paths, final, strict=True):
        if path != target:
            path.replace(target)
    return final
