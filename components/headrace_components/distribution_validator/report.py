"""The report on distributions: the changed features, the worst first, with their baseline."""

from collections.abc import Sequence

from headrace_components.distribution_validator.feature_card import (
    DETAIL_LENGTH,
    KINDS,
    NAME_LENGTH,
    feature_card,
)
from headrace_components.distribution_validator.verdicts import (
    FAILS,
    MOVED,
    UNCOMPARED,
    WITHIN,
    Distance,
    FeatureVerdict,
    PairVerdict,
)
from headrace_components.library.reports import page
from headrace_components.library.reports.drawing import strip
from headrace_components.library.reports.markup import Markup, breakable, element, shortened
from headrace_components.library.reports.numbers import ABSENT, number

# With the longest names and values a card takes about 7,000 bytes, a feature in the table 2,500.
_MAX_CARDS = 100
_MAX_ROWS = 400
_MAX_PAIRS = 20
_MAX_UNCOVERED = 50
_NUM_NAMED = 5

_TITLE = "Distributions and baseline"


def distributions_report(pairs: Sequence[PairVerdict]) -> bytes:
    """Returns an HTML page of under 2 MB."""
    names = ", ".join(pair.name for pair in pairs[:_NUM_NAMED])
    more = f" and {number(len(pairs) - _NUM_NAMED)} more" if len(pairs) > _NUM_NAMED else ""
    sections = []
    cards, rows = _MAX_CARDS, _MAX_ROWS
    for index, pair in enumerate(pairs):
        sections.append(_section(pair, index, max(cards, 0), max(rows, 0), len(pairs) > 1))
        cards -= len(pair.features)
        rows -= len(pair.features)
    return page.page(
        _TITLE,
        f"{number(len(pairs))} pair{'' if len(pairs) == 1 else 's'} of splits, the one under test "
        f"first: {names}{more}",
        _verdict(pairs),
        page.section("Pairs of splits", _overview(pairs[:_MAX_PAIRS])),
        *sections[:_MAX_PAIRS],
    )


def no_baseline_report(splits: Sequence[str]) -> bytes:
    """Returns the HTML page of a run without a baseline.

    Args:
        splits: Names of the splits that could not be compared.
    """
    words = (
        "There is no baseline, as in a first run. Distributions are compared as soon as "
        "baseline_statistics holds statistics."
    )
    return page.page(
        _TITLE,
        f"The split{'' if len(splits) == 1 else 's'} {', '.join(splits)}",
        page.banner("warn", "Nothing was compared", element("p", words)),
    )


def _verdict(pairs: Sequence[PairVerdict]) -> Markup:
    features = [(pair, feature) for pair in pairs for feature in pair.features]
    compared = sum(bool(feature.distances) for _, feature in features)
    found = {
        state: [(pair, feature) for pair, feature in features if feature.state == state]
        for state in KINDS
    }
    if all(pair.is_blessed for pair in pairs):
        words = f"All {number(compared)} distances are within their thresholds."
        if not compared:
            words = "There were conditions on the data alone, and they hold."
        return page.banner("good", "No distribution has moved", element("p", words))
    points: list[str] = []
    if found[MOVED]:
        points.append(f"Moved: {_worst(found[MOVED], len(pairs) > 1)}")
    for state, words in ((FAILS, "A condition fails for"), (UNCOMPARED, "Could not be compared:")):
        if found[state]:
            named = ", ".join(_named(item, len(pairs) > 1) for item in found[state][:_NUM_NAMED])
            points.append(f"{words} {named}{_more(len(found[state]))}.")
    points += [
        f"{shortened(reason, DETAIL_LENGTH)} ({pair.name})"
        for pair in pairs[:_MAX_PAIRS]
        for reason in pair.reasons
    ]
    num_moved = len(found[MOVED])
    heading = f"{number(num_moved)} of {number(compared)} distributions moved"
    if not num_moved:
        heading = "The data does not agree with its baseline"
    return page.banner("bad", heading, page.bullets(points))


def _worst(moved: Sequence[tuple[PairVerdict, FeatureVerdict]], name_pairs: bool) -> str:
    ranked = sorted(moved, key=lambda item: -item[1].times_threshold)
    named = ", ".join(
        f"{_named(item, name_pairs)} ({_times(item[1].distances[0])})"
        for item in ranked[:_NUM_NAMED]
    )
    return f"{named}{_more(len(moved))}."


def _named(item: tuple[PairVerdict, FeatureVerdict], name_pairs: bool) -> str:
    pair, feature = item
    return shortened(feature.name, NAME_LENGTH) + (f" in {pair.name}" if name_pairs else "")


def _more(total: int) -> str:
    return f" and {number(total - _NUM_NAMED)} more" if total > _NUM_NAMED else ""


def _times(distance: Distance) -> str:
    times = distance.times_threshold
    if times >= 10_000:
        return "threshold 0" if not distance.threshold else "over 10,000 times the threshold"
    return f"{times:.1f} times the threshold"


def _overview(pairs: Sequence[PairVerdict]) -> Markup:
    rows = []
    for pair in pairs:
        states = [feature.state for feature in pair.features]
        counts = [*pair.rows, *(states.count(state) for state in (WITHIN, MOVED, UNCOMPARED))]
        verdict = page.badge("good", "agrees") if pair.is_blessed else page.badge("bad", "differs")
        rows.append(page.row(pair.name, [number(count) for count in counts], verdict))
    names = ("Pair", "Rows under test", "Rows of baseline", "Within", "Moved", "Not compared")
    head = page.heading_row(names, ("Verdict",))
    return page.data_table("Features by what comparing them gave", head, rows)


def _section(
    pair: PairVerdict, index: int, num_cards: int, num_rows: int, is_one_of_several: bool
) -> Markup:
    blocks: list[str] = []
    shown = list(enumerate(pair.features[:num_rows]))
    if shown:
        cards = [feature_card(feature, f"p{index}f{at}") for at, feature in shown[:num_cards]]
        blocks.append(_distances(pair.features[:num_rows], f"p{index}f", len(cards)))
        if cards:
            blocks.append(element("div", *cards, class_="cards wide"))
    more = len(pair.features) - min(len(shown), num_cards)
    if more:
        words = f"{number(more)} more features are not drawn; those that moved come first."
        blocks.append(page.paragraph(words))
    if pair.uncovered:
        blocks.append(_uncovered(pair.uncovered))
    where = f": {pair.name}" if is_one_of_several else ""
    return page.section(f"Features, the worst first{where}", *blocks)


def _distances(features: Sequence[FeatureVerdict], anchor: str, num_cards: int) -> Markup:
    longest = max(
        (max(item.value, item.threshold) for feature in features for item in feature.distances),
        default=0.0,
    )
    rows = []
    for at, feature in enumerate(features):
        name = breakable(shortened(feature.name, NAME_LENGTH))
        link = element("a", name, href=f"#{anchor}{at}") if at < num_cards else name
        badge = page.badge(KINDS[feature.state], feature.state)
        if not feature.distances:
            rows.append(page.row(link, [ABSENT, ABSENT, ABSENT], "", "", badge))
        for distance in feature.distances:
            figures = [distance.value, distance.threshold, _rounded(distance.times_threshold)]
            words = f"{number(distance.value)}, threshold {number(distance.threshold)}"
            chart = strip(distance.value, None, distance.threshold, (0.0, longest), words)
            cells = [number(figure) for figure in figures]
            measure = element("span", distance.measure, class_="whole")
            rows.append(page.row(link, cells, chart, measure, badge))
    head = page.heading_row(
        ("Feature", "Distance", "Threshold", "Times threshold"), ("", "Measure", "Verdict")
    )
    caption = "Distance between test and baseline: the dot; its threshold: the line"
    return page.data_table(caption, head, rows)


def _rounded(times: float) -> float:
    return float(f"{times:.2g}")


def _uncovered(names: Sequence[str]) -> Markup:
    shown = [breakable(shortened(name, NAME_LENGTH)) for name in names[:_MAX_UNCOVERED]]
    more = len(names) - len(shown)
    listed = [part for name in shown for part in (", ", name)][1:]
    return page.paragraph(
        f"No comparator covers {number(len(names))} feature{'' if len(names) == 1 else 's'}: ",
        *listed,
        f" and {number(more)} more." if more else ".",
    )
