"""Divides rows among splits, and writes these: what every component that makes examples does."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_components.data.example_encoder import encode_examples, encode_features
from headrace_components.data.examples import ExamplesWriter
from headrace_components.errors import InputError
from headrace_components.example_gen.configs import OutputSplit
from headrace_components.example_gen.params import ExampleGenParams


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Some rows to write.

    Attributes:
        records: The rows as they go into TFRecords.
        keys: What decides on the split of each, as bytes.
        batch: The same rows as list columns, or None where they have no columnar twin.
    """

    records: Sequence[bytes]
    keys: Sequence[bytes]
    batch: pa.RecordBatch | None


class Partition:
    """Decides which split a row belongs to, as TFX's `base_example_gen_executor` does.

    Args:
        splits: Names and shares.
    """

    def __init__(self, splits: Sequence[OutputSplit]) -> None:
        self.split_names = tuple(split.name for split in splits)
        self._bounds = np.array(list(accumulate(split.hash_buckets for split in splits)))

    def divide(self, keys: Sequence[bytes]) -> list[NDArray[np.int64]]:
        """Returns the rows of each split, in order."""
        if len(self.split_names) == 1:
            return [np.arange(len(keys))]
        splits = np.searchsorted(self._bounds, _buckets(keys, int(self._bounds[-1])), side="right")
        return [np.flatnonzero(splits == index) for index in range(len(self.split_names))]


class FeatureKeys:
    """The values of the feature that decides on a row's split.

    Args:
        component: Name of the component, for error messages.
        feature: Name of the feature.
    """

    def __init__(self, component: str, feature: str) -> None:
        self._component = component
        self._feature = feature
        self._is_known = False
        self._has_values = False

    def of(self, batch: pa.RecordBatch) -> list[bytes]:
        """Returns the feature of each row of list columns; nothing where a row lacks it.

        Raises:
            InputError: The feature is no column of the first batch, or one of numbers with a
                fraction.
        """
        position = batch.schema.get_field_index(self._feature)
        if position < 0 and self._is_known:
            return [b""] * batch.num_rows
        if position < 0:
            raise InputError(
                f"{self._component}: `partition_feature_name` is {self._feature!r}, but the "
                f"columns are {sorted(batch.schema.names)}. Name one of those."
            )
        self._is_known = True
        column = batch.column(position)
        if not pa.types.is_null(column.type):
            if pa.types.is_floating(column.type.value_type):
                raise self._undecided("numbers with a fraction")
            self._has_values = self._has_values or column.null_count < len(column)
        return encode_features(column)

    def check(self) -> None:
        """Raises an InputError where no row had the feature."""
        if not self._has_values:
            raise self._undecided("no value")

    def _undecided(self, kind: str) -> InputError:
        return InputError(
            f"{self._component}: `partition_feature_name` is {self._feature!r}, a column of "
            f"{kind}, expected whole numbers or text. Name another column."
        )


def rows_of(batches: Iterable[pa.RecordBatch], params: ExampleGenParams) -> Iterable[Rows]:
    """Yields list columns as rows to write, tf.Examples that are split as the parameters say."""
    feature = params.partition_feature
    feature_keys = FeatureKeys(params.component, feature) if feature else None
    for batch in batches:
        records = encode_examples(batch)
        keys = feature_keys.of(batch) if feature_keys else records
        yield Rows(records=records, keys=keys, batch=batch)
    if feature_keys:
        feature_keys.check()


def write_splits(
    rows: Iterable[Rows], shares: Sequence[OutputSplit], output: Path, params: ExampleGenParams
) -> int:
    """Writes one input split as one output split or several.

    Args:
        rows: All rows of the input split.
        shares: The output splits, and the share of each.
        output: Directory of the Examples artifact.
        params: Says how to write.

    Returns:
        The number of rows.
    """
    partition = Partition(shares)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                ExamplesWriter(
                    output,
                    name,
                    columnar=params.has_twin,
                    compression_level=params.compression_level,
                )
            )
            for name in partition.split_names
        ]
        for some in rows:
            for writer, chosen in zip(writers, partition.divide(some.keys), strict=True):
                _write(writer, some, chosen)
    for writer, name in zip(writers, partition.split_names, strict=True):
        logging.info("%s: split %r has %d rows.", params.component, name, writer.num_rows)
    return sum(writer.num_rows for writer in writers)


def _write(writer: ExamplesWriter, rows: Rows, chosen: NDArray[np.int64]) -> None:
    is_all = len(chosen) == len(rows.records)
    records = rows.records if is_all else [rows.records[row] for row in chosen]
    if rows.batch is None:
        writer.write_records(records)
    else:
        writer.write(rows.batch if is_all else rows.batch.take(pa.array(chosen)), records)


def _buckets(keys: Sequence[bytes], num_buckets: int) -> NDArray[np.int64]:
    """Returns the SHA-256 of each key, as one big-endian number, modulo `num_buckets`."""
    digests = b"".join([hashlib.sha256(key).digest() for key in keys])
    words = np.frombuffer(digests, ">u4").reshape(len(keys), 8).astype(np.uint64)
    buckets = np.zeros(len(keys), np.uint64)
    for index in range(8):
        buckets = ((buckets << np.uint64(32)) | words[:, index]) % np.uint64(num_buckets)
    return buckets.astype(np.int64)
