"""A feature on the report: its distances, and its distribution on both sides."""

from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.distribution_validator.verdicts import (
    FAILS,
    MOVED,
    UNCOMPARED,
    WITHIN,
    Distance,
    FeatureVerdict,
)
from headrace_components.library.reports import page
from headrace_components.library.reports.drawing import density, histogram
from headrace_components.library.reports.feature_summary import FeatureSummary, summary_of
from headrace_components.library.reports.markup import Markup, breakable, element, shortened
from headrace_components.library.reports.numbers import ABSENT, number, percent

NAME_LENGTH = 80
DETAIL_LENGTH = 600
KINDS = {MOVED: "bad", FAILS: "bad", UNCOMPARED: "bad", WITHIN: "good"}
"""Kind of badge by state."""

_NUM_TOP_VALUES = 5
_VALUE_LENGTH = 32
_SIDES = ("Under test", "Baseline")


def feature_card(feature: FeatureVerdict, anchor: str) -> Markup:
    """Returns a card of at most about 7,000 bytes; links point to it by `anchor`."""
    heading = element(
        "div",
        element("h3", breakable(shortened(feature.name, NAME_LENGTH))),
        page.badge(KINDS[feature.state], feature.state),
        class_="head",
    )
    return element(
        "article",
        heading,
        *(_sentence(distance) for distance in feature.distances),
        *(
            element("p", shortened(reason, DETAIL_LENGTH), class_="long")
            for reason in feature.reasons
        ),
        *_sides(feature),
        class_="card",
        id=anchor,
    )


def _sentence(distance: Distance) -> Markup:
    measure = distance.measure[0].upper() + distance.measure[1:]
    return element(
        "p",
        f"{measure} ",
        element("strong", number(distance.value)),
        element("span", f", threshold {number(distance.threshold)}", class_="soft"),
    )


def _sides(feature: FeatureVerdict) -> list[Markup]:
    given = (feature.test, feature.baseline)
    summaries = [summary_of(side) if side else None for side in given]
    if not any(summaries):
        return []
    facts = _facts(summaries)
    if any(summary and summary.bars for summary in summaries):
        return [_histograms(summaries), _table(facts)]
    shares = [_shares(side) if side else {} for side in given]
    return [_table([*(_values(shares, summaries) if any(shares) else []), *facts])]


def _table(rows: Sequence[Markup]) -> Markup:
    head = element("tr", element("td"), *(element("th", name, scope="col") for name in _SIDES))
    return element("table", element("thead", head), element("tbody", *rows))


def _facts(summaries: Sequence[FeatureSummary | None]) -> list[Markup]:
    rows = {
        "Rows": [number(s.num_present) if s else ABSENT for s in summaries],
        "Missing": [percent(s.missing) if s else ABSENT for s in summaries],
    }
    for name in dict.fromkeys(name for s in summaries if s for name in s.facts):
        rows[name] = [s.facts.get(name, ABSENT) if s else ABSENT for s in summaries]
    return [
        element("tr", element("th", name, scope="row"), *(element("td", cell) for cell in cells))
        for name, cells in rows.items()
    ]


def _histograms(summaries: Sequence[FeatureSummary | None]) -> Markup:
    """Returns both histograms, one below the other and to the same scale."""
    bars = [bar for summary in summaries if summary for bar in summary.bars]
    low, high = min(bar.low for bar in bars), max(bar.high for bar in bars)
    tallest = max(density(bar, low, high) for bar in bars)
    charts = []
    for side, summary in zip(_SIDES, summaries, strict=True):
        charts.append(element("div", element("strong", side)))
        if not (summary and summary.bars):
            charts.append(element("div", "No value", class_="soft"))
            continue
        words = f"{side}: median {summary.facts.get('Median', ABSENT)}"
        charts.append(histogram(summary.bars, low, high, tallest, words))
    return element("div", *charts, class_="plots")


def _shares(feature: Any) -> Mapping[str, float]:
    """Returns the share of each value of a category, the most frequent first.

    TFDV measures with the rank histogram, which has more values than the top values.
    """
    stats: statistics_pb2.StringStatistics = feature.string_stats
    total = stats.common_stats.tot_num_values
    ranked = [(bucket.label, bucket.sample_count) for bucket in stats.rank_histogram.buckets]
    counted = ranked or [(value.value, value.frequency) for value in stats.top_values]
    return {value: count / total for value, count in counted} if total else {}


def _values(
    shares: Sequence[Mapping[str, float]], summaries: Sequence[FeatureSummary | None]
) -> list[Markup]:
    """Returns the most frequent values of both sides, and the one whose share moved most."""
    union = dict.fromkeys(value for side in shares for value in side)
    change = {value: abs(shares[0].get(value, 0) - shares[1].get(value, 0)) for value in union}
    kept = {value for side in shares for value in list(side)[:_NUM_TOP_VALUES]}
    kept.add(max(change, key=lambda value: change[value]))
    ranked = sorted(kept, key=lambda value: (-max(side.get(value, 0) for side in shares), value))
    return [
        element(
            "tr",
            element("th", shortened(value, _VALUE_LENGTH) or "(empty)", scope="row"),
            *(
                _share(side, value, summary)
                for side, summary in zip(shares, summaries, strict=True)
            ),
            class_="long",
        )
        for value in ranked
    ]


def _share(shares: Mapping[str, float], value: str, summary: FeatureSummary | None) -> Markup:
    share = shares.get(value)
    if share is None and summary and len(shares) == summary.num_unique:
        share = 0.0  # all its values are known, and this value is not among them
    if share is None:
        return element("td", ABSENT)
    return element("td", percent(share), class_="share", style=f"--share:{100 * share:.0f}%")
