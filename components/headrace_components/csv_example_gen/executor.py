"""Reads CSV files into examples without Beam or TensorFlow, a block of rows at a time."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_components.csv_example_gen.csv_columns import ColumnType, Inference, as_lists
from headrace_components.csv_example_gen.csv_files import CsvFiles
from headrace_components.csv_example_gen.params import CsvExampleGenParams, OutputSplit
from headrace_components.csv_example_gen.sources import find_files
from headrace_components.csv_example_gen.spans import resolve
from headrace_components.data.example_encoder import encode_examples, encode_features
from headrace_components.data.examples import ExamplesWriter, examples_metadata
from headrace_components.errors import InputError
from headrace_components.parameters import read
from headrace_components.task import Task


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(CsvExampleGenParams, task.params, task.component)
    base = params.input_base
    _check_directory(base)
    found = resolve(base, params.input_splits, params.only_span, find_files(base))
    output = task.output("examples")
    for name, paths in found.files.items():
        files = CsvFiles(paths, params.delimiter)
        types = _infer_types(files)
        shares = params.output_splits or (OutputSplit(name=name, hash_buckets=1),)
        partition = _Partition(shares, params.partition_feature, types)
        _write(files, types, partition, output.path, params)
    output.metadata.update(
        examples_metadata(
            params.split_names,
            span=found.span,
            version=found.version,
            fingerprint=found.fingerprint,
        )
    )


def _check_directory(base: str) -> None:
    if "://" not in base and not Path(base).is_dir():
        raise InputError(
            f"csv_example_gen: `input_base` is {base!r}, which is no directory"
            f"{'' if Path(base).is_absolute() else f' in {Path.cwd()}'}. "
            "Give the directory that holds the CSV files."
        )


def _infer_types(files: CsvFiles) -> dict[str, ColumnType]:
    """Reads all files once and returns the type of each column."""
    inferences = {name: Inference() for name in files.column_names}
    num_rows = 0
    for block in files.blocks():
        for name, cells in zip(block.schema.names, block.columns, strict=True):
            inferences[name].add(cells, num_rows)
        num_rows += block.num_rows
    files.check_quotes()
    if not num_rows:
        raise InputError(
            f"csv_example_gen: {', '.join(files.paths)}: a header but no rows, expected at least "
            "one. Check the input pattern and what writes the files."
        )
    for name, inference in inferences.items():
        if inference.mixed_at is not None:
            logging.warning(
                "csv_example_gen: column %r holds numbers and text, so all of it is text: the "
                "first text after a number is at %s. Leave a missing value empty to keep the "
                "column a number.",
                name,
                files.place_of(inference.mixed_at),
            )
        elif inference.type == ColumnType.UNKNOWN:
            logging.warning("csv_example_gen: column %r is empty in every row.", name)
    return {name: inference.type for name, inference in inferences.items()}


def _write(
    files: CsvFiles,
    types: Mapping[str, ColumnType],
    partition: "_Partition",
    output: Path,
    params: CsvExampleGenParams,
) -> None:
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                ExamplesWriter(
                    output,
                    name,
                    columnar=params.columnar,
                    compression_level=params.compression_level,
                )
            )
            for name in partition.split_names
        ]
        for batch in _list_batches(files, types):
            records = encode_examples(batch)
            splits = partition.divide(batch, records)
            for writer, rows in zip(writers, splits, strict=True):
                if len(rows) == batch.num_rows:
                    writer.write(batch, records)
                else:
                    writer.write(batch.take(pa.array(rows)), [records[row] for row in rows])
    for writer, name in zip(writers, partition.split_names, strict=True):
        logging.info("csv_example_gen: split %r has %d rows.", name, writer.num_rows)


def _list_batches(files: CsvFiles, types: Mapping[str, ColumnType]) -> Iterator[pa.RecordBatch]:
    names = sorted(types)
    for block in files.blocks():
        columns = [
            as_lists(block.column(block.schema.get_field_index(name)), types[name])
            for name in names
        ]
        yield pa.RecordBatch.from_arrays(columns, names)


class _Partition:
    """Decides which split a row belongs to, as TFX's `base_example_gen_executor` does.

    Args:
        splits: Names and shares.
        feature: Feature whose value decides, or empty for the whole row.
        types: Types of the columns.

    Raises:
        InputError: The feature is no column, or one that cannot decide.
    """

    def __init__(
        self, splits: Sequence[OutputSplit], feature: str, types: Mapping[str, ColumnType]
    ) -> None:
        self.split_names = tuple(split.name for split in splits)
        self._bounds = np.array(list(accumulate(split.hash_buckets for split in splits)))
        self._feature = feature
        if not feature:
            return
        if feature not in types:
            raise InputError(
                f"csv_example_gen: `partition_feature_name` is {feature!r}, but the columns are "
                f"{sorted(types)}. Name one of those."
            )
        if types[feature] not in (ColumnType.INT, ColumnType.STRING):
            kind = "numbers with a fraction" if types[feature] == ColumnType.FLOAT else "no value"
            raise InputError(
                f"csv_example_gen: `partition_feature_name` is {feature!r}, a column of {kind}, "
                "expected whole numbers or text. Name another column."
            )

    def divide(self, batch: pa.RecordBatch, records: Sequence[bytes]) -> list[NDArray[np.int64]]:
        """Returns the rows of each split, in order.

        Args:
            batch: Rows as list columns.
            records: The same rows, serialized deterministically.
        """
        if len(self.split_names) == 1:
            return [np.arange(batch.num_rows)]
        keys = records
        if self._feature:
            keys = encode_features(batch.column(batch.schema.get_field_index(self._feature)))
        buckets = _buckets(keys, int(self._bounds[-1]))
        splits = np.searchsorted(self._bounds, buckets, side="right")
        return [np.flatnonzero(splits == index) for index in range(len(self.split_names))]


def _buckets(keys: Sequence[bytes], num_buckets: int) -> NDArray[np.int64]:
    """Returns the SHA-256 of each key, as one big-endian number, modulo `num_buckets`."""
    digests = b"".join([hashlib.sha256(key).digest() for key in keys])
    words = np.frombuffer(digests, ">u4").reshape(len(keys), 8).astype(np.uint64)
    buckets = np.zeros(len(keys), np.uint64)
    for index in range(8):
        buckets = ((buckets << np.uint64(32)) | words[:, index]) % np.uint64(num_buckets)
    return buckets.astype(np.int64)
