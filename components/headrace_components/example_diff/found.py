"""Finds how the rows of two splits differ, and adds up the results of their parts."""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from tensorflow_data_validation.skew.protos import feature_skew_results_pb2

from headrace_components.example_diff import features as split_features
from headrace_components.example_diff.comparison import Confused, Sample, Skew, ValueConfusion
from headrace_components.example_diff.features import ComparedFeature
from headrace_components.example_diff.matching import RowNumbers, match
from headrace_components.example_diff.params import PairedSkew

# Limits memory if identifiers repeat: during a comparison, a feature takes about 50 bytes per pair.
_MAX_PAIRS = 1 << 18


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundRows:
    """Rows of one of the two splits.

    Attributes:
        num_rows: Number of rows.
        features: Their features by name.
        records: Returns serialized rows by number.
    """

    num_rows: int
    features: Mapping[str, ComparedFeature]
    records: Callable[[RowNumbers], Mapping[int, bytes]]

    def feature(self, name: str) -> ComparedFeature:
        """Returns a feature, even if no row has it."""
        return split_features.of(self.features, name, self.num_rows)


@dataclass(kw_only=True, slots=True)
class Found:
    """The results for some rows.

    Attributes:
        skew: The comparison of the pairs.
        matches: Counts of paired and unpaired rows.
        confused: How often values meet each other in the features asked for.
        sample: Pairs that differ, by a random number each.
    """

    skew: Skew = field(default_factory=Skew)
    matches: feature_skew_results_pb2.MatchStats = field(
        default_factory=feature_skew_results_pb2.MatchStats
    )
    confused: Confused = field(default_factory=Counter)
    sample: list[tuple[float, feature_skew_results_pb2.SkewPair]] = field(default_factory=list)

    def add(self, other: "Found", sample_size: int) -> None:
        """Adds the results of rows with other identifiers."""
        self.skew.merge(other.skew)
        for counted, count in other.matches.ListFields():
            setattr(self.matches, counted.name, getattr(self.matches, counted.name) + count)
        self.confused.update(other.confused)
        self.sample = heapq.nsmallest(sample_size, self.sample + other.sample, key=itemgetter(0))


def find(
    base: FoundRows,
    test: FoundRows,
    names: Collection[str],
    config: PairedSkew,
    part: int = 0,
) -> Found:
    """Pairs and compares rows.

    Args:
        base: Rows of the baseline.
        test: Rows under test. With `base` they are all rows of their identifiers.
        names: All features of the two splits.
        config: How to pair and compare.
        part: Number of this part of all rows; samples of two parts are independent.

    Raises:
        InputError: A feature of `confusion_config` has several values in a row.
    """
    codes = {
        name: split_features.encode(
            base.feature(name), test.feature(name), config.float_round_ndigits
        )
        for name in sorted({*names, *config.identifier_features})
    }
    left_out = {*config.identifier_features, *config.ignore_features}
    compared = {name: each for name, each in codes.items() if name not in left_out}
    confusions = [
        ValueConfusion(name, base.feature(name), test.feature(name))
        for name in config.confused_features
    ]
    matching = match([codes[name] for name in config.identifier_features])
    found = Found(matches=matching.stats())
    sample = Sample(config.skew_sample_size, part)
    for base_rows, test_rows in matching.pairs(
        allow_duplicates=config.allow_duplicate_identifiers, max_pairs=_MAX_PAIRS
    ):
        different = found.skew.add(compared, base_rows, test_rows)
        sample.add(base_rows[different], test_rows[different])
        for confusion in confusions:
            found.confused.update(confusion.count(base_rows, test_rows))
    pairs = sample.messages(
        compared, base.records(sample.base_rows), test.records(sample.test_rows)
    )
    found.sample = list(zip(sample.tickets.tolist(), pairs, strict=True))
    return found
