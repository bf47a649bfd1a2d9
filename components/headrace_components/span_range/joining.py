"""Joins the files of several Examples artifacts in one."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace_components.contract.errors import InputError
from headrace_components.library.data import columnar, joined_parts
from headrace_components.library.data.examples import ExamplesReader

_COMPONENT = "span_range"
_SHARD = re.compile(r"(?P<prefix>.+)-\d{5}-of-\d{5}(?P<suffix>.*)")


def join(sources: Sequence[Path], output: Path) -> list[str]:
    """Writes the files of several artifacts into one, without reading the rows.

    A file is linked if it is on the same file system, and copied otherwise. There is a columnar
    twin if all sources have one.

    Args:
        sources: Directories of Examples artifacts; their rows follow one another in this order.
        output: Directory to write.

    Returns:
        The names of the splits.

    Raises:
        InputError: The sources differ in their splits, or a feature has different types in them.
    """
    readers = [ExamplesReader(source, _COMPONENT) for source in sources]
    names = readers[0].split_names
    counts: dict[str, list[tuple[int, int]]] = {}
    for source, reader in zip(sources, readers, strict=True):
        if reader.split_names != names:
            raise InputError(
                f"{source} has the splits {list(reader.split_names)}, {sources[0]} "
                f"has {list(names)}, expected the same in each. Run the pipeline again on the "
                "spans that were divided otherwise, or ask for a range without them."
            )
    for name in names:
        _check_types(name, readers, sources)
        files = [file for reader in readers for file in reader.tfrecord_files(name)]
        _link_all(files, output / f"Split-{name}")
        twins = [reader.twin_parts(name) for reader in readers]
        found = [part for twin in twins for part in twin or ()]
        has_twins = all(twin is not None for twin in twins)
        counts[name] = [
            (len(reader.tfrecord_files(name)), len(twin or ()) if has_twins else 0)
            for reader, twin in zip(readers, twins, strict=True)
        ]
        if has_twins:
            linked = _link_all([path for path, _ in found], output / f"Columnar-{name}")
            # Keep the original checksums, so that a damaged file is still noticed.
            parts = [
                replace(part.file, name=path.name)
                for path, (_, part) in zip(linked, found, strict=True)
            ]
            columnar.vouch(output, name, parts)
    joined_parts.write(output, counts)
    return list(names)


def _check_types(split: str, readers: Sequence[ExamplesReader], sources: Sequence[Path]) -> None:
    """Rejects spans in which a feature has different types, because readers accept only one.

    Raises:
        InputError: For example, a feature has whole numbers in one span and decimals in another.
    """
    first: dict[str, tuple[str, Path]] = {}
    for reader, source in zip(readers, sources, strict=True):
        for name, kind in _kinds(reader, split):
            known, where = first.setdefault(name, (kind, source))
            if known != kind:
                raise InputError(
                    f"feature {name!r} of split {split!r} holds {known} in {where} "
                    f"and {kind} in {source}, expected one type in all spans. Declare it where "
                    f"they are made, for example by column_types={{{name!r}: 'FLOAT'}} of "
                    "csv_example_gen, and make the spans again."
                )


def _kinds(reader: ExamplesReader, split: str) -> Iterator[tuple[str, str]]:
    """Yields the types of features, from the twin, or else from the first rows."""
    for schema in _schemas(reader, split):
        for field in schema:
            if not pa.types.is_null(field.type):  # empty in all rows
                yield field.name, _kind(field.type)


def _schemas(reader: ExamplesReader, split: str) -> Iterator[pa.Schema]:
    parts = reader.twin_parts(split)
    if parts is not None:
        yield from (pq.read_schema(path) for path, _ in parts)
        return
    # Rows that are not tf.Examples are joined unchanged.
    with contextlib.suppress(InputError):
        batch = next(reader.record_batches(split), None)
        if batch is not None:
            yield batch.schema


def _kind(found: pa.DataType) -> str:
    value = found
    while hasattr(value, "value_type"):
        value = value.value_type
    if pa.types.is_integer(value):
        return "whole numbers"
    return "decimals" if pa.types.is_floating(value) else "text"


def _link_all(files: Sequence[Path], directory: Path) -> list[Path]:
    directory.mkdir(parents=True)
    targets = []
    for index, file in enumerate(files):
        shard = _SHARD.fullmatch(file.name)
        prefix, suffix = (shard["prefix"], shard["suffix"]) if shard else (file.name, "")
        targets.append(directory / columnar.numbered(prefix, suffix, index, len(files)))
        _link(file, targets[-1])
    return targets


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links, such as a mounted bucket
        shutil.copyfile(source, target)
