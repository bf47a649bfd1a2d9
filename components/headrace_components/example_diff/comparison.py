"""Compares the features of paired rows, as TFDV's `feature_skew_detector` does row by row.

A row with an empty feature counts as a row without it, as everywhere in Headrace. TFDV instead
looks at the keys of a tf.Example: it counts no match if both rows lack the key, and calls two rows
different, in no feature, if one lacks it and the other's is empty. If all rows have the same keys,
as in examples of the ExampleGens, both give the same results.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from tensorflow_data_validation.skew.protos import feature_skew_results_pb2

from headrace_components.contract.errors import InputError
from headrace_components.example_diff.features import Codes, ComparedFeature
from headrace_components.example_diff.matching import RowNumbers

# TFDV writes this for a row without a feature whose values are counted.
_MISSING_VALUE = b"__MISSING_VALUE__"

# Samples are drawn from a fixed seed, so that the same input gives the same sample.
_SAMPLE_SEED = 20130101


class Status(IntEnum):
    """The result of comparing one feature in the two rows of a pair."""

    MATCH = 0
    MISMATCH = 1
    BASE_ONLY = 2  # only the baseline has a value
    TEST_ONLY = 3
    NO_VALUES = 4  # neither has a value: a match


_DIFFERENT = (Status.MISMATCH, Status.BASE_ONLY, Status.TEST_ONLY)

Statuses = NDArray[np.int8]
"""A `Status` for each of some pairs, shape `(num_pairs,)`."""


def compare(codes: Codes, base_rows: RowNumbers, test_rows: RowNumbers) -> Statuses:
    """Returns how each pair of rows compares in one feature."""
    base_lengths, test_lengths = codes.base.lengths[base_rows], codes.test.lengths[test_rows]
    has_base, has_test = base_lengths > 0, test_lengths > 0
    statuses: Statuses = np.select(
        [has_base & has_test, has_base, has_test],
        [Status.MISMATCH, Status.BASE_ONLY, Status.TEST_ONLY],
        Status.NO_VALUES,
    ).astype(np.int8)
    if codes.is_comparable:
        pairs = np.flatnonzero(has_base & (base_lengths == test_lengths))
        is_equal = _equal(
            codes,
            codes.base.starts[base_rows[pairs]],
            codes.test.starts[test_rows[pairs]],
            base_lengths[pairs],
        )
        statuses[pairs[is_equal]] = Status.MATCH
    return statuses


def _equal(
    codes: Codes, base: RowNumbers, test: RowNumbers, lengths: RowNumbers
) -> NDArray[np.bool_]:
    """Returns whether lists of equal, positive lengths, given by their starts, are equal."""
    equal: NDArray[np.bool_]
    if lengths.max(initial=1) == 1:
        equal = codes.base_codes[base] == codes.test_codes[test]
        return equal
    first = np.cumsum(lengths) - lengths
    within = np.arange(lengths.sum()) - np.repeat(first, lengths)
    differs = (
        codes.base_codes[np.repeat(base, lengths) + within]
        != codes.test_codes[np.repeat(test, lengths) + within]
    )
    equal = np.add.reduceat(differs, first, dtype=np.int64) == 0
    return equal


@dataclass(kw_only=True, slots=True)
class Skew:
    """The results of all pairs so far.

    Attributes:
        counts: By feature, the number of pairs of each `Status`.
        num_pairs: Number of pairs compared.
        num_different: Number of pairs that differ in some feature.
    """

    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    num_pairs: int = 0
    num_different: int = 0

    def add(
        self, features: Mapping[str, Codes], base_rows: RowNumbers, test_rows: RowNumbers
    ) -> RowNumbers:
        """Compares some pairs and returns the positions of those that differ."""
        is_different = np.zeros(len(base_rows), bool)
        for name, codes in features.items():
            statuses = compare(codes, base_rows, test_rows)
            counts = np.bincount(statuses, minlength=len(Status))
            self.counts[name] = self.counts.get(name, 0) + counts
            is_different |= np.isin(statuses, _DIFFERENT)
        self.num_pairs += len(base_rows)
        self.num_different += int(is_different.sum())
        return np.flatnonzero(is_different)

    def merge(self, other: "Skew") -> None:
        """Adds the results of other pairs."""
        for name, counts in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + counts
        self.num_pairs += other.num_pairs
        self.num_different += other.num_different

    def messages(self) -> list[feature_skew_results_pb2.FeatureSkew]:
        """Returns the differences by feature, sorted by name; empty if no pair was compared."""
        return [_message(name, counts) for name, counts in sorted(self.counts.items())]


def _message(name: str, counts: NDArray[np.int64]) -> feature_skew_results_pb2.FeatureSkew:
    match, mismatch, base_only, test_only, no_values = counts.tolist()
    return feature_skew_results_pb2.FeatureSkew(
        feature_name=name,
        base_count=match + mismatch + base_only,
        test_count=match + mismatch + test_only,
        match_count=match + no_values,
        base_only=base_only,
        test_only=test_only,
        mismatch_count=mismatch,
        diff_count=mismatch + base_only + test_only,
    )


class Sample:
    """A sample of pairs that differ, each as likely as any other.

    Args:
        size: The most pairs to keep.
        number: Samples with different numbers are independent of each other.
    """

    def __init__(self, size: int, number: int) -> None:
        self._size = size
        self._random = np.random.default_rng([_SAMPLE_SEED, number])
        self.tickets: NDArray[np.float64] = np.zeros(0)
        self.base_rows: RowNumbers = np.zeros(0, np.int64)
        self.test_rows: RowNumbers = np.zeros(0, np.int64)

    def add(self, base_rows: RowNumbers, test_rows: RowNumbers) -> None:
        """Offers pairs; those with the lowest tickets of all stay."""
        tickets = np.concatenate([self.tickets, self._random.random(len(base_rows))])
        stay = np.sort(np.argsort(tickets)[: self._size])
        self.tickets = tickets[stay]
        self.base_rows = np.concatenate([self.base_rows, base_rows])[stay]
        self.test_rows = np.concatenate([self.test_rows, test_rows])[stay]

    def messages(
        self,
        features: Mapping[str, Codes],
        base_records: Mapping[int, bytes],
        test_records: Mapping[int, bytes],
    ) -> list[feature_skew_results_pb2.SkewPair]:
        """Returns the pairs with their records and, sorted by name, how each feature compares."""
        pairs = [
            feature_skew_results_pb2.SkewPair(base=base_records[base], test=test_records[test])
            for base, test in zip(self.base_rows.tolist(), self.test_rows.tolist(), strict=True)
        ]
        for name in sorted(features):
            statuses = compare(features[name], self.base_rows, self.test_rows)
            for pair, status in zip(pairs, statuses.tolist(), strict=True):
                lists = {
                    Status.MATCH: pair.matched_features,
                    Status.NO_VALUES: pair.matched_features,
                    Status.MISMATCH: pair.mismatched_features,
                    Status.BASE_ONLY: pair.base_only_features,
                    Status.TEST_ONLY: pair.test_only_features,
                }
                lists[Status(status)].append(name)
        return pairs


Confused = Counter[tuple[str, bytes, bytes]]
"""The number of pairs, by feature, value of the baseline and value under test."""


class ValueConfusion:
    """Counts which value of the baseline meets which value under test, in one feature of strings.

    Args:
        name: Name of the feature.
        base: The feature in the baseline.
        test: The feature in the rows under test.
    """

    def __init__(self, name: str, base: ComparedFeature, test: ComparedFeature) -> None:
        self._name = name
        self._base = base
        self._test = test
        self._base_codes, base_values = _string_codes(base)
        self._test_codes, test_values = _string_codes(test)
        self._values = (base_values, test_values)

    def count(self, base_rows: RowNumbers, test_rows: RowNumbers) -> Confused:
        """Returns the counts of some pairs.

        Raises:
            InputError: A row has several values.
        """
        most = max(
            self._base.lengths[base_rows].max(initial=0),
            self._test.lengths[test_rows].max(initial=0),
        )
        if most > 1:
            raise InputError(
                f"`confusion_config` names {self._name!r}, which has {most} "
                "values in some row, expected at most one. Name a feature of single strings."
            )
        base_values, test_values = self._values
        width = len(test_values)
        cells = self._base_codes[base_rows] * width + self._test_codes[test_rows]
        found, counts = np.unique(cells, return_counts=True)
        return Counter(
            {
                (self._name, base_values[cell // width], test_values[cell % width]): count
                for cell, count in zip(found.tolist(), counts.tolist(), strict=True)
            }
        )


def confusion_messages(confused: Confused) -> Iterable[feature_skew_results_pb2.ConfusionCount]:
    """Yields the count of each pair of values, sorted by feature and values."""
    for (name, base_value, test_value), count in sorted(confused.items()):
        message = feature_skew_results_pb2.ConfusionCount(feature_name=name, count=count)
        message.base.bytes_value = base_value
        message.test.bytes_value = test_value
        yield message


def _string_codes(feature: ComparedFeature) -> tuple[RowNumbers, Sequence[bytes]]:
    """Returns a code for each row, 0 if it has no value, and the values by code."""
    codes = np.zeros(len(feature.lengths), np.int64)
    if feature.kind is None or feature.values is None:
        return codes, [_MISSING_VALUE]
    encoded = feature.values.dictionary_encode()
    rows = np.flatnonzero(feature.lengths)
    codes[rows] = np.asarray(encoded.indices)[feature.starts[rows]] + 1
    return codes, [_MISSING_VALUE, *encoded.dictionary.to_pylist()]
