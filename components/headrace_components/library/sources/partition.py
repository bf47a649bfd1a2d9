"""Decides on the split of a row."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_components.contract.errors import InputError
from headrace_components.library.data.example_encoder import encode_features
from headrace_components.library.sources.configs import OutputSplit


class Partition:
    """Decides which split a row belongs to, like TFX's `base_example_gen_executor`.

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """The properties, in some rows, of the feature that decides on a row's split.

    Attributes:
        columns: The columns of rows that lack the feature; None if they have it.
        has_fractions: Whether its values are numbers with a fraction.
        has_values: Whether a row has a value.
    """

    columns: Sequence[str] | None
    has_fractions: bool
    has_values: bool

    @classmethod
    def of(cls, batch: pa.RecordBatch, feature: str) -> "Sighting":
        """Returns the properties of a feature in list columns."""
        position = batch.schema.get_field_index(feature)
        if position < 0:
            names = sorted(batch.schema.names)
            return cls(columns=names, has_fractions=False, has_values=False)
        column = batch.column(position)
        is_null = pa.types.is_null(column.type)
        return cls(
            columns=None,
            has_fractions=not is_null and pa.types.is_floating(column.type.value_type),
            has_values=column.null_count < len(column),
        )


class FeatureCheck:
    """Returns whether a feature can decide on the split of rows.

    Args:
        feature: Name of the feature.
    """

    def __init__(self, feature: str) -> None:
        self._feature = feature
        self._is_known = False
        self._has_values = False

    def add(self, sighting: Sighting) -> None:
        """Checks the next rows.

        Raises:
            InputError: The feature is not a column of the first rows, or its numbers have
                fractions.
        """
        if sighting.columns is not None and not self._is_known:
            raise InputError(
                f"`partition_feature_name` is {self._feature!r}, but the "
                f"columns are {list(sighting.columns)}. Name one of those."
            )
        if sighting.has_fractions:
            raise self._undecided("numbers with a fraction")
        self._is_known = True
        self._has_values = self._has_values or sighting.has_values

    def finish(self) -> None:
        """Raises an InputError if no row had the feature."""
        if not self._has_values:
            raise self._undecided("no value")

    def _undecided(self, kind: str) -> InputError:
        return InputError(
            f"`partition_feature_name` is {self._feature!r}, a column of "
            f"{kind}, expected whole numbers or text. Name another column."
        )


def feature_keys(batch: pa.RecordBatch, feature: str) -> list[bytes]:
    """Returns a feature of each row of list columns as bytes; empty if a row lacks it."""
    position = batch.schema.get_field_index(feature)
    return [b""] * batch.num_rows if position < 0 else encode_features(batch.column(position))


def _buckets(keys: Sequence[bytes], num_buckets: int) -> NDArray[np.int64]:
    """Returns the SHA-256 of each key, as one big-endian number, modulo `num_buckets`."""
    digests = b"".join([hashlib.sha256(key).digest() for key in keys])
    words = np.frombuffer(digests, ">u4").reshape(len(keys), 8).astype(np.uint64)
    buckets = np.zeros(len(keys), np.uint64)
    for index in range(8):
        buckets = ((buckets << np.uint64(32)) | words[:, index]) % np.uint64(num_buckets)
    return buckets.astype(np.int64)
