"""The report on statistics: every feature with its splits side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace_components.library.reports import page
from headrace_components.library.reports.drawing import Bar, density, histogram
from headrace_components.library.reports.feature_summary import (
    FeatureSummary,
    observations,
    summary_of,
)
from headrace_components.library.reports.markup import Markup, breakable, element, join, shortened
from headrace_components.library.reports.numbers import ABSENT, number, percent

# One feature in one split takes about 2,000 bytes, with long names and values.
_MAX_CELLS = 700
_MAX_NOTES = 200
_NUM_TOP_VALUES = 5
_NAME_LENGTH = 80
_VALUE_LENGTH = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class _FeatureCard:
    """A feature in all splits.

    Attributes:
        name: Its path, steps joined by dots.
        anchor: Its anchor on the page.
        by_split: Its summary by split; None if the split lacks it.
        notes: Its unusual properties.
    """

    name: str
    anchor: str
    by_split: Mapping[str, FeatureSummary | None]
    notes: Sequence[str]


def statistics_report(statistics: Mapping[str, Any]) -> bytes:
    """Returns an HTML page of under 2 MB.

    Args:
        statistics: A `DatasetFeatureStatisticsList` by split. If it has slices, the first data set
            is shown, which is of all rows.
    """
    datasets = {split: found.datasets[0] for split, found in statistics.items()}
    features = _features(datasets)
    shown = _shown(features, len(datasets))
    noted = [feature for feature in features if feature.notes]
    plural = "" if len(features) == 1 else "s"
    return page.page(
        "Data statistics",
        f"{number(len(features))} feature{plural} in the split"
        f"{'' if len(datasets) == 1 else 's'} {', '.join(datasets)}",
        page.section("Splits", _splits(datasets, features)),
        page.section("What stands out", *_notes(shown, len(noted))),
        *_sections(features, shown),
    )


def _features(datasets: Mapping[str, Any]) -> list[_FeatureCard]:
    found: dict[str, dict[str, FeatureSummary]] = {}
    for split, dataset in datasets.items():
        for feature in dataset.features:
            name = ".".join(feature.path.step) or feature.name
            found.setdefault(name, {})[split] = summary_of(feature)
    features = []
    for index, name in enumerate(sorted(found)):
        by_split = {split: found[name].get(split) for split in datasets}
        # A split without rows has no statistics; the page shows this once and not per feature.
        filled = {split: by_split[split] for split in datasets if datasets[split].num_examples}
        features.append(
            _FeatureCard(
                name=shortened(name, _NAME_LENGTH),
                anchor=f"f{index}",
                by_split=by_split,
                notes=observations(filled),
            )
        )
    return features


def _shown(features: Sequence[_FeatureCard], num_splits: int) -> list[_FeatureCard]:
    """Returns the features that fit on a page, those with unusual properties first."""
    room = max(_MAX_CELLS // max(num_splits, 1), 1)
    if len(features) <= room:
        return list(features)
    kept = sorted(features, key=lambda feature: not feature.notes)[:room]
    return sorted(kept, key=lambda feature: feature.name)


def _splits(datasets: Mapping[str, Any], features: Sequence[_FeatureCard]) -> Markup:
    total = sum(dataset.num_examples for dataset in datasets.values())
    rows = []
    for split, dataset in datasets.items():
        summaries = [s for feature in features if (s := feature.by_split[split]) is not None]
        num_numeric = sum(summary.is_numeric for summary in summaries)
        share = dataset.num_examples / total if total else None
        figures = [number(dataset.num_examples), percent(share)]
        counts = [number(num_numeric), number(len(summaries) - num_numeric)]
        rows.append(page.row(split, figures + counts))
    head = page.heading_row(("Split", "Rows", "Share", "Numeric", "Other"))
    return page.data_table("Rows, and features that are numeric or not", head, rows)


def _notes(shown: Sequence[_FeatureCard], num_noted: int) -> list[Markup]:
    if not num_noted:
        return [page.paragraph("Nothing: no feature is constant, mostly missing or an identifier.")]
    items = [
        join(
            element("a", feature.name, href=f"#{feature.anchor}"),
            " ",
            "; ".join(feature.notes),
            ".",
        )
        for feature in [feature for feature in shown if feature.notes][:_MAX_NOTES]
    ]
    more = num_noted - len(items)
    rest = [page.paragraph(f"And {number(more)} more features.")] if more else []
    return [page.bullets(items, "notes"), *rest]


def _sections(features: Sequence[_FeatureCard], shown: Sequence[_FeatureCard]) -> list[Markup]:
    sections = []
    for heading, is_numeric in (("Numeric features", True), ("Other features", False)):
        cards = [_card(feature) for feature in shown if _is_numeric(feature) == is_numeric]
        if cards:
            sections.append(page.section(heading, element("div", *cards, class_="cards")))
    if len(shown) < len(features):
        words = (
            f"{number(len(features) - len(shown))} more features are in the statistics but not on "
            "this page; those that stand out come first."
        )
        sections.insert(0, page.paragraph(words))
    return sections


def _is_numeric(feature: _FeatureCard) -> bool:
    return any(summary.is_numeric for summary in feature.by_split.values() if summary)


def _card(feature: _FeatureCard) -> Markup:
    kinds = dict.fromkeys(summary.type for summary in feature.by_split.values() if summary)
    badges = [page.badge("plain", kind.lower()) for kind in kinds]
    if feature.notes:
        badges.append(page.badge("warn", "stands out"))
    heading = element(
        "div", element("h3", breakable(feature.name)), element("span", *badges), class_="head"
    )
    notes = [page.bullets(feature.notes, "warn")] if feature.notes else []
    return element("article", heading, _table(feature), *notes, class_="card", id=feature.anchor)


def _table(feature: _FeatureCard) -> Markup:
    by_split = feature.by_split
    head = element("tr", element("td"), *(element("th", split, scope="col") for split in by_split))
    rows = [_row("Rows", [number(s.num_present) if s else ABSENT for s in by_split.values()])]
    missing = [percent(s.missing) if s else ABSENT for s in by_split.values()]
    rows.append(_row("Missing", missing))
    names = dict.fromkeys(name for s in by_split.values() if s for name in s.facts)
    for name in names:
        facts = [s.facts.get(name, ABSENT) if s else ABSENT for s in by_split.values()]
        rows.append(_row(name, facts))
    charts = _charts(feature)
    if any(charts):
        rows.insert(0, _row("Values", [chart or ABSENT for chart in charts]))
    return element("table", element("thead", head), element("tbody", *rows))


def _row(name: str, cells: Sequence[str]) -> Markup:
    return element("tr", element("th", name, scope="row"), *(element("td", cell) for cell in cells))


def _charts(feature: _FeatureCard) -> list[str]:
    """Returns one chart per split, all with the same scale; empty without histograms."""
    summaries = feature.by_split.values()
    bars = [bar for summary in summaries if summary for bar in summary.bars]
    if not bars:
        return [_top_values(summary) if summary else "" for summary in summaries]
    low, high = min(bar.low for bar in bars), max(bar.high for bar in bars)
    tallest = max(density(bar, low, high) for bar in bars)
    return [
        histogram(s.bars, low, high, tallest, _in_words(split, s.bars)) if s and s.bars else ""
        for split, s in feature.by_split.items()
    ]


def _in_words(split: str, bars: Sequence[Bar]) -> str:
    fullest = max(bars, key=lambda bar: bar.share)
    return (
        f"Histogram of {split} from {number(bars[0].low)} to {number(bars[-1].high)}; "
        f"{percent(fullest.share)} of the values lie between {number(fullest.low)} and "
        f"{number(fullest.high)}"
    )


def _top_values(summary: FeatureSummary) -> str:
    if not summary.top:
        return ""
    items = [
        element(
            "li",
            element("span", shortened(value, _VALUE_LENGTH) or "(empty)"),
            element("span", percent(share), class_="num"),
            style=f"--share:{100 * share:.0f}%",
        )
        for value, share in summary.top[:_NUM_TOP_VALUES]
    ]
    return element("ul", *items, class_="top")
