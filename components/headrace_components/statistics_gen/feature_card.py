"""A feature on the report: its figures and charts, splits side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace_components.library.reports import page
from headrace_components.library.reports.drawing import Bar, density, histogram, log_histogram
from headrace_components.library.reports.feature_summary import FeatureSummary, is_skewed
from headrace_components.library.reports.markup import Markup, breakable, element, shortened
from headrace_components.library.reports.numbers import ABSENT, number, percent

_NUM_TOP_VALUES = 5
_VALUE_LENGTH = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureBySplit:
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

    @property
    def summaries(self) -> list[FeatureSummary]:
        """The summaries of the splits that have it."""
        return [summary for summary in self.by_split.values() if summary]

    @property
    def is_numeric(self) -> bool:
        """Whether it has numbers in a split."""
        return any(summary.is_numeric for summary in self.summaries)

    @property
    def types(self) -> list[str]:
        """TFDV's names of its types, in small letters."""
        return list(dict.fromkeys(summary.type.lower() for summary in self.summaries))

    @property
    def kinds(self) -> str:
        """The words that the page filters by."""
        stands_out = ["unusual"] if self.notes else []
        return " ".join(["numeric" if self.is_numeric else "other", *stands_out])


def feature_card(feature: FeatureBySplit) -> Markup:
    """Returns the card of a feature, of at most about 2,000 bytes per split."""
    badges = [page.badge("plain", kind) for kind in feature.types]
    if feature.notes:
        badges.append(page.badge("warn", "stands out"))
    heading = element(
        "div", element("h3", breakable(feature.name)), element("span", *badges), class_="head"
    )
    notes = [page.bullets(feature.notes, "warn")] if feature.notes else []
    return element(
        "article",
        heading,
        _table(feature),
        *notes,
        class_="card",
        id=feature.anchor,
    )


def _table(feature: FeatureBySplit) -> Markup:
    by_split = feature.by_split
    head = element("tr", element("td"), *(element("th", split, scope="col") for split in by_split))
    rows = [_row("Rows", [number(s.num_present) if s else ABSENT for s in by_split.values()])]
    missing = [percent(s.missing) if s else ABSENT for s in by_split.values()]
    rows.append(_row("Missing", missing))
    names = dict.fromkeys(name for s in by_split.values() if s for name in s.facts)
    for name in names:
        facts = [s.facts.get(name, ABSENT) if s else ABSENT for s in by_split.values()]
        rows.append(_row(name, facts))
    skewed = _skewed_rows(feature) if any(map(is_skewed, feature.summaries)) else []
    charts = _charts(feature)
    if any(charts):
        rows.insert(0, _row("Values", [chart or ABSENT for chart in charts]))
    rows[1:1] = skewed
    return element("table", element("thead", head), element("tbody", *rows))


def _row(name: str, cells: Sequence[str]) -> Markup:
    return element("tr", element("th", name, scope="row"), *(element("td", cell) for cell in cells))


def _charts(feature: FeatureBySplit) -> list[str]:
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


def _skewed_rows(feature: FeatureBySplit) -> list[Markup]:
    """Returns what shows the values that a histogram puts into one bucket."""
    ends = {split: s.quantiles if s else () for split, s in feature.by_split.items()}
    rows = []
    positive = [end for each in ends.values() for end in each if end > 0]
    is_drawn = positive and min(positive) < max(positive)
    if is_drawn and all(end >= 0 for each in ends.values() for end in each):
        low, high = min(positive), max(positive)
        charts = [
            log_histogram(
                each, low, high, f"{split} on a logarithmic axis: median {number(_middle(each))}"
            )
            if each
            else ABSENT
            for split, each in ends.items()
        ]
        rows.append(_row("Log scale", charts))
    for share in (10, 90):
        at = [each[(len(each) - 1) * share // 100] if each else None for each in ends.values()]
        rows.append(_row(f"P{share}", [number(value) for value in at]))
    return rows


def _middle(ends: Sequence[float]) -> float:
    return ends[len(ends) // 2]


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
