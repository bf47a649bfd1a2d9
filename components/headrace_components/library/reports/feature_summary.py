"""Reads from TFDV's statistics what a report shows of a feature, and its unusual properties."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.library.reports.drawing import Bar
from headrace_components.library.reports.numbers import number, percent

_MOSTLY = 0.5
_NEARLY_ALL = 0.9
_IN_ONE_BUCKET = 0.8
# With fewer values than this, a feature is a category, also if each row has its own value.
_MANY_VALUES = 100

# A feature that has few different numbers is not skewed: a histogram shows all that it has.
_MANY_ENDS = 4

_STANDARD = statistics_pb2.Histogram.HistogramType.STANDARD
_QUANTILES = statistics_pb2.Histogram.HistogramType.QUANTILES


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSummary:
    """A feature of one split.

    Attributes:
        type: TFDV's name of its type, such as `INT`.
        is_numeric: Whether it has a range and a mean.
        num_present: Rows that have it.
        missing: Share of the rows that lack it, in [0, 1]; None without any row.
        facts: More figures by name, as text.
        bars: Buckets of a histogram of numbers, equally wide.
        quantiles: Ends of buckets that hold equally many numbers, the smallest number first; empty
            if unknown.
        top: The most frequent values with their share of the values, most frequent first.
        num_unique: Number of different values of a category; None if unknown.
        is_constant: Whether all values are the same.
        trouble: A text about problems of the values.
    """

    type: str
    is_numeric: bool
    num_present: int
    missing: float | None
    facts: Mapping[str, str]
    bars: tuple[Bar, ...] = ()
    quantiles: tuple[float, ...] = ()
    top: tuple[tuple[str, float], ...] = ()
    num_unique: int | None = None
    is_constant: bool = False
    trouble: tuple[str, ...] = ()


def is_skewed(summary: FeatureSummary) -> bool:
    """Returns whether a histogram of equally wide buckets has nearly all values in one of them."""
    return (
        max((bar.share for bar in summary.bars), default=0.0) > _IN_ONE_BUCKET
        and len(set(summary.quantiles)) > _MANY_ENDS
    )


def summary_of(feature: Any) -> FeatureSummary:
    """Returns the summary of a `FeatureNameStatistics`."""
    kind = feature.WhichOneof("stats")
    if kind == "num_stats":
        return _numeric(feature)
    if kind == "string_stats":
        return _category(feature)
    common = feature.bytes_stats.common_stats if kind == "bytes_stats" else _struct(feature)
    facts = {"Per row": _per_row(common)} if common.max_num_values > 1 else {}
    if kind == "bytes_stats":
        facts["Mean length"] = f"{number(feature.bytes_stats.avg_num_bytes)} bytes"
    return FeatureSummary(facts=facts, **_common(feature, common, is_numeric=False))


def observations(by_split: Mapping[str, FeatureSummary | None]) -> list[str]:
    """Returns texts about unusual properties of a feature; often none.

    Args:
        by_split: Its summary by split; None if the split lacks the feature or has no rows.
    """
    found = {split: summary for split, summary in by_split.items() if summary is not None}
    notes = []
    absent = [split for split in by_split if split not in found]
    if absent and found:
        notes.append(f"is not in the split {_listed(absent)}")
    for test, words in (
        (lambda s: s.missing == 1.0, "has no value at all"),
        (lambda s: s.missing is not None and _MOSTLY < s.missing < 1.0, "is mostly missing"),
        (lambda s: s.is_constant, "is constant, so a model learns nothing from it"),
        (_is_identifier, "has a different value in most rows, like an identifier"),
    ):
        splits = [split for split, summary in found.items() if test(summary)]
        if splits:
            notes.append(words + _where(splits, by_split))
    troubles = dict.fromkeys(words for summary in found.values() for words in summary.trouble)
    for words in troubles:
        splits = [split for split, summary in found.items() if words in summary.trouble]
        notes.append(words + _where(splits, by_split))
    return notes


def _is_identifier(summary: FeatureSummary) -> bool:
    unique = summary.num_unique or 0
    return unique > _MANY_VALUES and unique > _MOSTLY * summary.num_present


def _where(splits: list[str], by_split: Mapping[str, Any]) -> str:
    return "" if len(splits) == len(by_split) else f" in the split {_listed(splits)}"


def _listed(splits: list[str]) -> str:
    return " and ".join(splits)


def _numeric(feature: Any) -> FeatureSummary:
    stats = feature.num_stats
    total = stats.common_stats.tot_num_values
    zeros = stats.num_zeros / total if total else None
    facts = {
        "Mean": number(stats.mean),
        "Std. dev.": number(stats.std_dev),
        "Min": number(stats.min),
        "Median": number(stats.median),
        "Max": number(stats.max),
        "Zeros": percent(zeros),
    }
    if not total:
        facts = {}
    if stats.common_stats.max_num_values > 1:
        facts["Per row"] = _per_row(stats.common_stats)
    return FeatureSummary(
        facts=facts,
        bars=_bars(stats.histograms),
        quantiles=_quantiles(stats.histograms),
        is_constant=total > 1 and stats.min == stats.max,
        trouble=tuple(_numeric_trouble(stats, zeros)),
        **_common(feature, stats.common_stats, is_numeric=True),
    )


def _numeric_trouble(stats: Any, zeros: float | None) -> list[str]:
    trouble = []
    num_nan = sum(
        histogram.num_nan for histogram in stats.histograms if histogram.type == _STANDARD
    )
    if num_nan:
        trouble.append("has values that are not a number (NaN)")
    if math.isinf(stats.min) or math.isinf(stats.max):
        trouble.append("has infinite values")
    if zeros is not None and _NEARLY_ALL < zeros < 1.0:
        trouble.append("is zero nearly everywhere")
    return trouble


def _bars(histograms: Any) -> tuple[Bar, ...]:
    for histogram in histograms:
        if histogram.type != _STANDARD:
            continue
        buckets = [
            bucket
            for bucket in histogram.buckets
            if math.isfinite(bucket.low_value) and math.isfinite(bucket.high_value)
        ]
        total = sum(bucket.sample_count for bucket in buckets)
        if total > 0:
            return tuple(
                Bar(low=b.low_value, high=b.high_value, share=b.sample_count / total)
                for b in buckets
            )
    return ()


def _quantiles(histograms: Any) -> tuple[float, ...]:
    for histogram in histograms:
        if histogram.type == _QUANTILES and len(histogram.buckets):
            ends = [histogram.buckets[0].low_value, *(b.high_value for b in histogram.buckets)]
            return tuple(ends) if all(map(math.isfinite, ends)) else ()
    return ()


def _category(feature: Any) -> FeatureSummary:
    stats = feature.string_stats
    common = stats.common_stats
    total = common.tot_num_values
    facts = {"Unique": number(stats.unique)} if total else {}
    if common.max_num_values > 1:
        facts["Per row"] = _per_row(common)
    counted = [(value.value, value.frequency) for value in stats.top_values]
    trouble = []
    if stats.invalid_utf8_count:
        trouble.append("has bytes that are not UTF-8 text")
    return FeatureSummary(
        facts=facts,
        top=tuple((value, count / total) for value, count in counted) if total else (),
        num_unique=stats.unique,
        is_constant=total > 1 and stats.unique == 1,
        trouble=tuple(trouble),
        **_common(feature, common, is_numeric=False),
    )


def _struct(feature: Any) -> Any:
    return feature.struct_stats.common_stats


def _per_row(common: Any) -> str:
    low, high = common.min_num_values, common.max_num_values
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def num_present(common: Any) -> int:
    """Returns the number of rows that have a value, from `CommonStatistics`.

    An empty cell of a CSV file is a list without values, which TFDV does not call missing.
    """
    return int(common.tot_num_values if common.max_num_values <= 1 else common.num_non_missing)


def _common(feature: Any, common: Any, *, is_numeric: bool) -> dict[str, Any]:
    rows = common.num_missing + common.num_non_missing
    present = num_present(common)
    return {
        "type": statistics_pb2.FeatureNameStatistics.Type.Name(feature.type),
        "is_numeric": is_numeric,
        "num_present": present,
        "missing": 1 - present / rows if rows else None,
    }
