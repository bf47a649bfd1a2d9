"""The rows of an Examples artifact, a page at a time, from its columnar twin or its TFRecords."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_components.contract.errors import InputError
from headrace_components.library.data import columnar
from headrace_components.library.data.tfrecord import read_records
from headrace_components.library.previews.blocks import Block, Cell, cut, size, soft
from headrace_components.library.previews.example_records import (
    examples_row,
    feature_values,
    sequence_row,
)
from headrace_components.library.previews.values import cell

_MAX_ROWS = 200
_MAX_COLUMNS = 100
_MAX_IMAGE_CHARACTERS = 4_000_000
_SEQUENCES = "FORMAT_TF_SEQUENCE_EXAMPLE"
_EXAMPLES = ("", "FORMAT_TF_EXAMPLE")


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Which part of a split to read.

    Attributes:
        split: Its name; empty for the first.
        row: Number of the first row, from 0.
        num_rows: Rows to read.
        column: Number of the first column, of those whose name has `find`.
        num_columns: Columns to read.
        find: A part of the names of columns, in any case.
    """

    split: str = ""
    row: int = 0
    num_rows: int = 20
    column: int = 0
    num_columns: int = 20
    find: str = ""


def read_table(path: Path, window: Window, payload_format: str = "") -> Block:
    """Returns a window of the rows of an Examples artifact.

    Args:
        path: Directory of the artifact.
        window: What to read.
        payload_format: What its records are, as the artifact's metadata name it.

    Returns:
        `splits` with names, rows (None: unknown) and bytes; `split`; `columns` with names and
        types; `num_columns` that match; `first_column`; `rows` of cells; `first_row`; `num_rows` of
        the split; `has_more` rows; `notes`.

    Raises:
        InputError: The files are damaged, or are not examples.
    """
    notes: list[str] = []
    manifest = _manifest(path, notes)
    names = _splits(path)
    if not names:
        raise InputError(
            f"there are no rows in {path}: it has no directory `Split-<name>`, and none for one "
            "split alone."
        )
    split = window.split if window.split in names else next(iter(names))
    if window.split and window.split != split:
        notes.append(f"There is no split {cut(window.split, 80)!r}. This is {split!r}.")
    row = max(window.row, 0)
    wanted = min(max(window.num_rows, 1), _MAX_ROWS)
    entry = manifest.get(split)
    page = _from_twin(path, split, entry, window, row, wanted, notes) if entry else None
    if page is None:
        page = _from_records(names[split], window, row, wanted, payload_format)
    return {
        "splits": [
            {
                "name": name,
                "num_rows": manifest[name].num_rows if name in manifest else None,
                "size": size(sum(file.stat().st_size for file in _files(directory))),
            }
            for name, directory in names.items()
        ],
        "split": split,
        "first_row": row,
        "num_rows": entry.num_rows if entry else None,
        "notes": notes,
        **page,
    }


def _splits(path: Path) -> dict[str, Path]:
    """Returns the directories of the splits, `train` first, as people expect."""
    found = {
        each.name.removeprefix("Split-"): each
        for each in path.glob("Split-*")
        if each.is_dir() and each.resolve().is_relative_to(path.resolve())
    }
    if not found:  # TFX before 0.29 named a split's directory like the split
        found = {
            each.name: each
            for each in path.glob("*")
            if each.is_dir() and "-" not in each.name and _files(each)
        }
    order = ("train", "eval", "test")
    ranks = {name: order.index(name) if name in order else len(order) for name in found}
    return {name: found[name] for name in sorted(found, key=lambda name: (ranks[name], name))}


def _files(directory: Path) -> list[Path]:
    if directory.is_symlink():  # it may lead out of the artifact
        return []
    place = directory.resolve()
    return sorted(
        file for file in directory.glob("*") if file.is_file() and file.resolve().parent == place
    )


def _manifest(path: Path, notes: list[str]) -> Mapping[str, columnar.SplitManifest]:
    try:
        return columnar.read_manifest(path)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        notes.append(f"{columnar.MANIFEST} is damaged: {error}. The rows are of the TFRecords.")
        return {}


def _from_twin(
    path: Path,
    split: str,
    entry: columnar.SplitManifest,
    window: Window,
    row: int,
    wanted: int,
    notes: list[str],
) -> Block | None:
    """Returns the window from Parquet files; None if they are not the rows of the TFRecords."""
    reason = columnar.reason_to_ignore(path, split, entry)
    if reason is None:
        try:
            parts = [(path / f"Columnar-{split}" / each.name, each) for each in entry.parquet]
            return _columnar_window(parts, window, row, wanted)
        except (ValueError, OSError, pa.ArrowException) as error:
            reason = f"{error}."
    notes.append(f"The columnar twin cannot be read: {reason} The rows are of the TFRecords.")
    return None


def _columnar_window(
    parts: Sequence[tuple[Path, columnar.ParquetFile]], window: Window, row: int, wanted: int
) -> Block:
    types: dict[str, str] = {}
    for file, listed in parts:
        damage = _damage(file, listed)
        if damage:
            raise ValueError(f"{file.name}: {damage}")
        for field in pq.read_schema(file):
            types.setdefault(field.name, _type_text(field.type))
    columns, num_columns, first_column = _window_of(sorted(types), window)
    rows: list[dict[str, Any]] = []
    start = 0
    for file, listed in parts:
        missing = wanted - len(rows)
        if missing and row + len(rows) < start + listed.num_rows:
            rows += _rows_of(file, columns, row + len(rows) - start, missing)
        start += listed.num_rows
    return {
        "columns": [{"name": name, "type": types[name]} for name in columns],
        "num_columns": num_columns,
        "first_column": first_column,
        "rows": _cells([[each.get(name) for name in columns] for each in rows]),
        "has_more": row + len(rows) < start,
    }


_checked: dict[tuple[str, int, int], str | None] = {}


def _damage(file: Path, listed: columnar.ParquetFile) -> str | None:
    """Returns what is wrong with a file; its checksum is compared once for a page after page."""
    found = file.stat()
    key = (str(file), found.st_mtime_ns, found.st_size)
    if key not in _checked:
        _checked[key] = listed.damage(file)
    return _checked[key]


def _rows_of(file: Path, columns: Sequence[str], first: int, wanted: int) -> list[dict[str, Any]]:
    with pq.ParquetFile(file) as opened:
        own = [name for name in columns if name in opened.schema_arrow.names]
        groups: list[int] = []
        skip, start = 0, 0
        for number in range(opened.metadata.num_row_groups):
            stop = start + opened.metadata.row_group(number).num_rows
            if stop > first and start < first + wanted:
                if not groups:
                    skip = first - start
                groups.append(number)
            start = stop
        if not own:
            return [{} for _ in range(max(0, min(wanted, start - first)))]
        rows: list[dict[str, Any]] = []
        for batch in opened.iter_batches(batch_size=1024, row_groups=groups, columns=own):
            piece = batch.slice(skip, wanted - len(rows))
            skip = max(0, skip - batch.num_rows)
            rows += piece.to_pylist()
            if len(rows) == wanted:
                break
    return rows


def _type_text(kind: Any) -> str:
    text = str(kind)
    for long, short in (("large_", ""), ("item: ", ""), ("binary", "bytes")):
        text = text.replace(long, short)
    return text.removeprefix("list<").removesuffix(">") if text.count("<") == 1 else text


def _from_records(
    directory: Path, window: Window, row: int, wanted: int, payload_format: str
) -> Block:
    records = list(itertools.islice(_records(directory), row, row + wanted + 1))
    has_more, records = len(records) > wanted, records[:wanted]
    if payload_format not in (*_EXAMPLES, _SEQUENCES):
        return _undecoded(records, payload_format, has_more=has_more)
    parse = sequence_row if payload_format == _SEQUENCES else examples_row
    try:
        parsed: list[dict[str, Any]] = [parse(record) for record in records]
        names = sorted({name for each in parsed for name in each})
        columns, num_columns, first_column = _window_of(names, window)
        types: dict[str, str] = {}
        rows = []
        for each in parsed:
            values = []
            for name in columns:
                kind, found = feature_values(each[name]) if name in each else ("", None)
                types[name] = types.get(name) or kind
                values.append(found)
            rows.append(values)
    except ValueError as error:
        raise InputError(
            f"the records of {directory} are no tf.Examples: {error}. Run the component that wrote "
            "them again."
        ) from error
    return {
        "columns": [{"name": name, "type": types.get(name, "")} for name in columns],
        "num_columns": num_columns,
        "first_column": first_column,
        "rows": _cells(rows),
        "has_more": has_more,
    }


def _records(directory: Path) -> Iterator[bytes]:
    for file in _files(directory):
        yield from read_records(file)


def _undecoded(records: Sequence[bytes], payload_format: str, *, has_more: bool) -> Block:
    name = f"record ({cut(payload_format, 60)})"
    return {
        "columns": [{"name": name, "type": "bytes"}],
        "num_columns": 1,
        "first_column": 0,
        "rows": [[cell(record)] for record in records],
        "has_more": has_more,
    }


def _window_of(names: Sequence[str], window: Window) -> tuple[list[str], int, int]:
    """Returns the names to show, how many match, and the number of the first."""
    find = window.find.casefold()
    found = [name for name in names if find in name.casefold()]
    first = min(max(window.column, 0), max(len(found) - 1, 0))
    return found[first : first + min(max(window.num_columns, 1), _MAX_COLUMNS)], len(found), first


def _cells(rows: Sequence[Sequence[Any]]) -> list[list[Cell]]:
    """Returns the cells of rows; after some megabytes of images the others are only named."""
    room = _MAX_IMAGE_CHARACTERS
    found = []
    for row in rows:
        cells = []
        for value in row:
            made = cell(value)
            if isinstance(made, dict) and "image" in made:
                room -= len(made["image"])
                made = made if room >= 0 else soft(made["text"])
            cells.append(made)
        found.append(cells)
    return found
