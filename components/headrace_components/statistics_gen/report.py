"""The report on statistics: every feature with its splits side by side.

A page of a few features shows all of them. A page of many begins with a table of them, and folds
their cards, so that it stays short; the table leads to each card.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headrace_components.library.reports import page
from headrace_components.library.reports.feature_summary import (
    FeatureSummary,
    observations,
    summary_of,
)
from headrace_components.library.reports.markup import Markup, breakable, element, join, shortened
from headrace_components.library.reports.numbers import ABSENT, number, percent
from headrace_components.statistics_gen.feature_card import FeatureBySplit, feature_card

# One feature in one split takes about 2,000 bytes, with long names and values; in the table, a
# feature takes 500.
_MAX_CELLS = 600
_MAX_ROWS = 1_000
_MAX_NOTES = 60
_MAX_NAMES = 200
# From so many features on, their cards are folded, so many at a time.
_MANY = 24
_NAME_LENGTH = 80
_END_LENGTH = 30
# A text about so many features is shown once, with their names.
_SHARED_BY = 3

_KINDS = {"unusual": "what stands out", "numeric": "numeric", "other": "others"}


def statistics_report(statistics: Mapping[str, Any]) -> bytes:
    """Returns an HTML page of under 2 MB.

    Args:
        statistics: A `DatasetFeatureStatisticsList` by split. If it has slices, the first data set
            is shown, which is of all rows.
    """
    datasets = {split: found.datasets[0] for split, found in statistics.items()}
    features = _features(datasets)
    shown = _shown(features, len(datasets))
    plural = "" if len(features) == 1 else "s"
    return page.page(
        "Data statistics",
        f"{number(len(features))} feature{plural} in the split"
        f"{'' if len(datasets) == 1 else 's'} {', '.join(datasets)}",
        page.section("Splits", _splits(datasets, features)),
        page.section("What stands out", *_notes(features, {f.anchor for f in shown})),
        *_sections(features, shown),
    )


def _features(datasets: Mapping[str, Any]) -> list[FeatureBySplit]:
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
            FeatureBySplit(
                name=shortened(name, _NAME_LENGTH),
                anchor=f"f{index}",
                by_split=by_split,
                notes=observations(filled),
            )
        )
    return features


def _shown(features: Sequence[FeatureBySplit], num_splits: int) -> list[FeatureBySplit]:
    """Returns the features that have a card, those with unusual properties first."""
    room = max(_MAX_CELLS // max(num_splits, 1), 1)
    if len(features) <= room:
        return list(features)
    kept = sorted(features, key=lambda feature: not feature.notes)[:room]
    return sorted(kept, key=lambda feature: feature.name)


def _splits(datasets: Mapping[str, Any], features: Sequence[FeatureBySplit]) -> Markup:
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


def _notes(features: Sequence[FeatureBySplit], anchors: set[str]) -> list[Markup]:
    by_note: dict[str, list[FeatureBySplit]] = {}
    for feature in features:
        for note in feature.notes:
            by_note.setdefault(note, []).append(feature)
    if not by_note:
        return [page.paragraph("Nothing: no feature is constant, mostly missing or an identifier.")]
    groups = {note: found for note, found in by_note.items() if len(found) >= _SHARED_BY}
    single: dict[str, list[str]] = {}
    by_name = {feature.name: feature for feature in features}
    for note, found in by_note.items():
        if note not in groups:
            for feature in found:
                single.setdefault(feature.name, []).append(note)
    items = [
        join(_link(by_name[name], anchors), " ", "; ".join(notes), ".")
        for name, notes in sorted(single.items())
    ]
    more = len(items) - _MAX_NOTES
    return [
        *(_group(note, found, anchors) for note, found in groups.items()),
        *([page.bullets(items[:_MAX_NOTES], "notes")] if items else []),
        *([page.paragraph(f"And {number(more)} more features.")] if more > 0 else []),
    ]


def _group(note: str, found: Sequence[FeatureBySplit], anchors: set[str]) -> Markup:
    items = [_link(feature, anchors) for feature in found[:_MAX_NAMES]]
    more = len(found) - len(items)
    rest = [page.paragraph(f"And {number(more)} more.")] if more else []
    return page.folded(
        f"{number(len(found))} features: each {note}", page.bullets(items, "names"), *rest
    )


def _link(feature: FeatureBySplit, anchors: set[str]) -> str:
    name = breakable(feature.name)
    return element("a", name, href=f"#{feature.anchor}") if feature.anchor in anchors else name


def _sections(
    features: Sequence[FeatureBySplit], shown: Sequence[FeatureBySplit]
) -> Iterator[Markup]:
    rest = []
    if len(shown) < len(features):
        words = (
            f"{number(len(features) - len(shown))} more features are in the statistics but have "
            "no card here; those that stand out come first."
        )
        rest.append(page.paragraph(words))
    if len(features) > _MANY:
        yield _index(features, {feature.anchor for feature in shown})
    for heading, is_numeric in (("Numeric features", True), ("Other features", False)):
        kind = [feature for feature in shown if feature.is_numeric == is_numeric]
        if kind:
            yield page.section(heading, *rest, *_cards(kind, is_folded=len(features) > _MANY))
            rest = []


def _index(features: Sequence[FeatureBySplit], anchors: set[str]) -> Markup:
    """Returns the section with one line for each feature."""
    listed = sorted(features, key=lambda feature: not feature.notes)[:_MAX_ROWS]
    rows = [
        _index_row(feature, anchors) for feature in sorted(listed, key=lambda feature: feature.name)
    ]
    head = page.heading_row(("Feature", "Most missing", "Unique", "Mean"), ("Type", "Notes"))
    caption = "Features; of several splits the first that has one, and the most that is missing"
    more = len(features) - len(rows)
    rest = [page.paragraph(f"{number(more)} more features are not listed.")] if more else []
    return page.section(
        "Features",
        page.search_box("Find features", _KINDS),
        page.data_table(caption, head, rows, sortable=True),
        *rest,
    )


def _index_row(feature: FeatureBySplit, anchors: set[str]) -> Markup:
    shares = [s.missing for s in feature.summaries if s.missing is not None]
    missing = max(shares, default=None)
    unique = next((s.num_unique for s in feature.summaries if s.num_unique is not None), None)
    mean = next((s.facts["Mean"] for s in feature.summaries if "Mean" in s.facts), ABSENT)
    badge = page.badge("warn", "stands out") if feature.notes else ""
    return element(
        "tr",
        element("th", _link(feature, anchors), scope="row"),
        element("td", percent(missing), class_="num", data_value=_exact(missing)),
        element("td", number(unique), class_="num", data_value=_exact(unique)),
        element("td", mean, class_="num", data_value=_value(mean)),
        element("td", ", ".join(feature.types)),
        element("td", badge),
        data_name=feature.name,
        data_kinds=feature.kinds,
    )


def _exact(value: float | None) -> str | None:
    return None if value is None else repr(value)


def _value(text: str) -> str:
    """Returns a number for people as a script reads it."""
    return text.replace(",", "").replace("\N{MINUS SIGN}", "-")


def _cards(features: Sequence[FeatureBySplit], *, is_folded: bool) -> Iterator[Markup]:
    if not is_folded:
        yield element("div", *map(feature_card, features), class_="cards")
        return
    for start in range(0, len(features), _MANY):
        part = features[start : start + _MANY]
        ends = " to ".join(dict.fromkeys(shortened(part[at].name, _END_LENGTH) for at in (0, -1)))
        cards = element("div", *map(feature_card, part), class_="cards")
        yield page.folded(f"{ends} ({number(len(part))})", cards)
