"""Divides rows so that those with the same identifiers come together."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_components.example_diff import features as split_features
from headrace_components.example_diff.features import ComparedFeature, Kinds
from headrace_components.example_diff.matching import RowNumbers
from headrace_components.example_diff.params import PairedSkew

# Constants of splitmix64: they spread consecutive numbers.
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))
_SHIFT = np.uint64(31)


def divided(
    batch: pa.RecordBatch, config: PairedSkew, num_buckets: int
) -> Iterator[tuple[int, RowNumbers]]:
    """Yields numbers of buckets, each with the rows of the batch that belong there.

    Args:
        batch: Rows as list columns.
        config: Names the identifiers, and the number of digits at which floats are rounded.
        num_buckets: Number of buckets.
    """
    features = split_features.read([batch], Kinds(split=""))
    numbers = np.zeros(batch.num_rows, np.uint64)
    has_all = np.ones(batch.num_rows, bool)
    for name in config.identifier_features:
        feature = split_features.of(features, name, batch.num_rows)
        numbers = _mixed(numbers) + _row_numbers(feature, config.float_round_ndigits)
        has_all &= feature.lengths > 0
    # Rows without an identifier are only counted, wherever that is.
    numbers = np.where(has_all, _mixed(numbers), np.arange(batch.num_rows, dtype=np.uint64))
    buckets = (numbers % np.uint64(num_buckets)).astype(np.int64)
    order = np.argsort(buckets, kind="stable")
    found, starts = np.unique(buckets[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True)


def _row_numbers(feature: ComparedFeature, float_round_ndigits: int | None) -> NDArray[np.uint64]:
    """Returns a number for each row; rows with the same values have the same number."""
    if feature.kind is None or feature.values is None:
        return np.zeros(len(feature.lengths), np.uint64)
    if pa.types.is_large_binary(feature.values.type):
        encoded = feature.values.dictionary_encode()
        checksums: Sequence[int] = [zlib.crc32(value) for value in encoded.dictionary.to_pylist()]
        values = np.array(checksums, np.uint64)[np.asarray(encoded.indices)]
    else:
        codes = split_features.codes(feature.values, float_round_ndigits)
        values = codes.astype(np.uint64)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mixed(values), dtype=np.uint64)])
    numbers: NDArray[np.uint64] = sums[feature.starts + feature.lengths] - sums[feature.starts]
    return numbers


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for factor in _FACTORS:
        numbers = numbers * factor
        numbers = numbers ^ (numbers >> _SHIFT)
    return numbers
