"""Pairs the rows of two splits that have the same identifiers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tensorflow_data_validation.skew.protos import feature_skew_results_pb2

from headrace_components.example_diff.features import Codes, row_codes

RowNumbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class SortedSplit:
    """The rows of one split, sorted by identifier.

    Attributes:
        rows: Numbers of the rows that have all identifiers, those of one identifier together.
        starts: Where the rows of an identifier begin in `rows`, shape `(num_identifiers,)`.
        counts: The number of these rows, shape `(num_identifiers,)`.
        num_missing: Number of rows that lack an identifier.
    """

    rows: RowNumbers
    starts: RowNumbers
    counts: RowNumbers
    num_missing: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Matching:
    """The rows of the baseline and of the test that have the same identifiers."""

    base: SortedSplit
    test: SortedSplit

    def stats(self) -> feature_skew_results_pb2.MatchStats:
        """Returns the counts that TFDV gives."""
        base, test = self.base.counts, self.test.counts
        return feature_skew_results_pb2.MatchStats(
            base_with_id_count=int(base.sum()),
            test_with_id_count=int(test.sum()),
            identifiers_count=len(base),
            ids_missing_in_base_count=int((base == 0).sum()),
            ids_missing_in_test_count=int((test == 0).sum()),
            matching_pairs_count=int((base * test).sum()),
            duplicate_id_count=int(((base > 1) | (test > 1)).sum()),
            base_missing_id_count=self.base.num_missing,
            test_missing_id_count=self.test.num_missing,
        )

    def pairs(
        self, *, allow_duplicates: bool, max_pairs: int
    ) -> Iterator[tuple[RowNumbers, RowNumbers]]:
        """Yields the rows of the baseline and of the test that belong together.

        Args:
            allow_duplicates: Whether rows that share their identifiers with others of their side
                are paired, each with each.
            max_pairs: The maximum number of pairs at a time.
        """
        num_pairs = self.base.counts * self.test.counts
        if not allow_duplicates:
            num_pairs[(self.base.counts > 1) | (self.test.counts > 1)] = 0
        ends = np.cumsum(num_pairs)
        total = int(ends[-1]) if len(ends) else 0
        for start in range(0, total, max_pairs):
            pair = np.arange(start, min(start + max_pairs, total))
            group = np.searchsorted(ends, pair, side="right")
            place = pair - (ends[group] - num_pairs[group])
            in_base, in_test = np.divmod(place, self.test.counts[group])
            yield (
                self.base.rows[self.base.starts[group] + in_base],
                self.test.rows[self.test.starts[group] + in_test],
            )


def match(identifiers: Sequence[Codes]) -> Matching:
    """Returns which rows have the same values of all identifiers.

    Args:
        identifiers: Features that both splits have, with one type.
    """
    has_base = np.logical_and.reduce([codes.base.lengths > 0 for codes in identifiers])
    has_test = np.logical_and.reduce([codes.test.lengths > 0 for codes in identifiers])
    num_base = int(has_base.sum())
    key = np.zeros(num_base + int(has_test.sum()), np.int64)
    for codes in identifiers:
        base, test = row_codes(codes)
        values, ranks = np.unique(
            np.concatenate([base[has_base], test[has_test]]), return_inverse=True
        )
        # Ranks again after each feature: both factors stay below the number of rows.
        _, key = np.unique(key * len(values) + ranks, return_inverse=True)
    num_identifiers = int(key.max(initial=-1)) + 1
    return Matching(
        base=_side(has_base, key[:num_base], num_identifiers),
        test=_side(has_test, key[num_base:], num_identifiers),
    )


def _side(has_identifiers: NDArray[np.bool_], key: RowNumbers, num_identifiers: int) -> SortedSplit:
    counts = np.bincount(key, minlength=num_identifiers).astype(np.int64)
    return SortedSplit(
        rows=np.flatnonzero(has_identifiers)[np.argsort(key, kind="stable")],
        starts=np.cumsum(counts) - counts,
        counts=counts,
        num_missing=int((~has_identifiers).sum()),
    )
