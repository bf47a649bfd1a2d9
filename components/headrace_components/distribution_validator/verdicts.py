"""The results of a comparison for each feature, the worst first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2

from headrace_components.distribution_validator.comparators import Comparators
from headrace_components.distribution_validator.comparison import Statistics, features_of, num_rows
from headrace_components.library.data.split_pairs import SplitPair

_Info = anomalies_pb2.AnomalyInfo
_Measurement = anomalies_pb2.DriftSkewInfo.Measurement

_MEASURES = {
    _Measurement.L_INFTY: "L-infinity",
    _Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon divergence",
    _Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalized absolute difference",
}
_FAR = frozenset(
    {
        _Info.COMPARATOR_L_INFTY_HIGH,
        _Info.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
        _Info.COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH,
    }
)

MOVED, FAILS, UNCOMPARED, WITHIN = "moved", "condition fails", "not compared", "within"
_ORDER = (MOVED, FAILS, UNCOMPARED, WITHIN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Distance:
    """The distance between two distributions of a feature.

    Attributes:
        measure: Its name in reports.
        value: The distance, in [0, 1].
        threshold: The largest distance that is not an anomaly, in [0, 1].
    """

    measure: str
    value: float
    threshold: float

    @property
    def times_threshold(self) -> float:
        """The distance in units of the threshold; infinite over a threshold of 0."""
        if self.threshold:
            return self.value / self.threshold
        return math.inf if self.value else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureVerdict:
    """The result for a feature.

    Attributes:
        name: Its path, steps joined by dots.
        state: `MOVED`, `FAILS`, `UNCOMPARED` or `WITHIN`.
        distances: The largest first, divided by its threshold; empty if the feature was not
            compared.
        reasons: Other problems, as sentences.
        test: Its `FeatureNameStatistics` in the data under test, or None.
        baseline: The same in the baseline.
    """

    name: str
    state: str
    distances: tuple[Distance, ...]
    reasons: tuple[str, ...]
    test: Any
    baseline: Any

    @property
    def times_threshold(self) -> float:
        """The first distance divided by its threshold; -1 without distances."""
        return self.distances[0].times_threshold if self.distances else -1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PairVerdict:
    """The result for a pair of splits.

    Attributes:
        name: The pair's name.
        rows: Number of rows under test and of the baseline.
        features: Those with a comparator, and those with a condition.
        uncovered: Names of the features without a comparator.
        reasons: The problems of the data as a whole, as sentences.
    """

    name: str
    rows: tuple[int, int]
    features: Sequence[FeatureVerdict]
    uncovered: Sequence[str]
    reasons: Sequence[str]

    @property
    def is_blessed(self) -> bool:
        """Whether all features and the data as a whole passed."""
        return not self.reasons and all(feature.state == WITHIN for feature in self.features)


def pair_verdict(
    pair: SplitPair,
    test: Statistics,
    baseline: Statistics,
    comparators: Comparators,
    diff: anomalies_pb2.Anomalies,
) -> PairVerdict:
    """Returns the verdict on a pair of splits.

    Args:
        pair: The splits.
        test: Statistics of the data under test.
        baseline: Statistics of the data that it was compared with.
        comparators: The comparators that were applied.
        diff: The result of `comparison.compare` for them.
    """
    distances = {tuple(info.path.step): _distances(info) for info in diff.drift_skew_info}
    wrong = {
        tuple(info.path.step) or (name,): info.reason for name, info in diff.anomaly_info.items()
    }
    tested, bases = features_of(test), features_of(baseline)
    steps = dict.fromkeys((*comparators.features, *sorted(wrong)))
    found = []
    for step in steps:
        reasons = wrong.get(step, ())
        state = _state([reason.type for reason in reasons])
        found.append(
            FeatureVerdict(
                name=".".join(step),
                state=state,
                # TFDV gives a distance of 0 if it could measure none.
                distances=() if state == UNCOMPARED else distances.get(step, ()),
                reasons=tuple(item.description for item in reasons if item.type not in _FAR),
                test=tested.get(step),
                baseline=bases.get(step),
            )
        )
    return PairVerdict(
        name=pair.name,
        rows=(num_rows(test), num_rows(baseline)),
        features=sorted(
            found, key=lambda item: (_ORDER.index(item.state), -item.times_threshold, item.name)
        ),
        uncovered=[".".join(step) for step in sorted({*tested, *bases} - set(steps))],
        reasons=[reason.description for reason in diff.dataset_anomaly_info.reason],
    )


def metric_values(pairs: Sequence[PairVerdict]) -> dict[str, float | int]:
    """Returns the values of `metrics` for all pairs; empty without a baseline."""
    features = [feature for pair in pairs for feature in pair.features]
    distances = [distance for feature in features for distance in feature.distances]
    values: dict[str, float | int] = {
        "num_features_compared": sum(bool(feature.distances) for feature in features),
        "num_features_over_threshold": sum(feature.state == MOVED for feature in features),
        "num_features_not_compared": sum(feature.state == UNCOMPARED for feature in features),
    }
    if distances:
        values["largest_distance"] = max(distance.value for distance in distances)
    return values


def moved_features(pairs: Sequence[PairVerdict]) -> list[str]:
    """Returns what is wrong in all pairs, in a few words each, the worst feature first."""
    return [
        f"{pair.name}, {what}"
        for pair in pairs
        for what in (
            *(
                f"{feature.name}: {_words(feature)}"
                for feature in pair.features
                if feature.state != WITHIN
            ),
            *pair.reasons,
        )
    ]


def _words(feature: FeatureVerdict) -> str:
    if feature.state == MOVED and feature.distances:
        farthest = feature.distances[0]
        return f"moved, {farthest.measure} {farthest.value:.3g} is above {farthest.threshold:g}"
    return "; ".join((feature.state, *feature.reasons))


def _state(reasons: Sequence[int]) -> str:
    if not reasons:
        return WITHIN
    if any(reason in _FAR for reason in reasons):
        return MOVED
    return FAILS if _Info.CUSTOM_VALIDATION in reasons else UNCOMPARED


def _distances(info: anomalies_pb2.DriftSkewInfo) -> tuple[Distance, ...]:
    distances = [
        Distance(measure=_MEASURES[item.type], value=item.value, threshold=item.threshold)
        for item in (*info.drift_measurements, *info.skew_measurements)
        if item.type in _MEASURES
    ]
    return tuple(sorted(distances, key=lambda item: -item.times_threshold))
