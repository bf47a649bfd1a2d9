"""The report on an evaluation: the verdict and why, then the metrics, the worst slice first."""

import math
from collections.abc import Iterable, Sequence

from headrace_components.evaluator.curves import Curve
from headrace_components.evaluator.curves_report import curve_section
from headrace_components.evaluator.intervals import interval_of
from headrace_components.evaluator.metric_rows import ALL_ROWS, RequiredRows, Score, SliceScores
from headrace_components.evaluator.verdict import ModelVerdict
from headrace_components.library.reports import page
from headrace_components.library.reports.drawing import strip
from headrace_components.library.reports.markup import (
    Markup,
    breakable,
    element,
    join,
    prose,
    shortened,
)
from headrace_components.library.reports.numbers import ABSENT, number, signed

# A number with its markup takes about 50 bytes, a slice with its chart about 600.
_MAX_NUMBERS = 10_000
_MAX_SLICES = 1_000
_MANY_SLICES = 20
_MAX_COLUMNS = 12
_MAX_METRICS = 500
_MAX_FAILURES = 20
_NAME_LENGTH = 80

# Below this, chance alone moves a share of the rows by more than a hundredth.
_FEW_ROWS = 1_000

_ROUNDING = 1e-12

_COUNT = "example_count"


def evaluation_report(
    verdict: ModelVerdict,
    slices: Sequence[SliceScores],
    requirements: Sequence[RequiredRows],
    curves: Sequence[Curve],
    notes: Sequence[str] = (),
) -> bytes:
    """Returns an HTML page of under 2 MB.

    Args:
        verdict: Whether the model passed.
        slices: The metrics per slice, in the order to show them in.
        requirements: The thresholds; slices are compared by the metric of the first.
        curves: The ROC curves and confusion matrices.
        notes: Notes on the predictions.
    """
    overall = next((part for part in slices if part.name == ALL_ROWS), None)
    rest = [part for part in slices if part.name != ALL_ROWS]
    num_rows = overall.scores.get(_COUNT, Score()).candidate if overall else None
    rows = f"{number(num_rows)} rows, " if num_rows is not None else ""
    return page.page(
        "Model evaluation",
        f"{rows}{number(len(rest))} slice{'' if len(rest) == 1 else 's'}",
        _verdict(verdict, requirements),
        *(page.paragraph(f"{prose(note)}. Metrics may leave those rows out.") for note in notes),
        *([_overall(overall, requirements)] if overall else []),
        *([curve_section(curves)] if curves else []),
        *([_slices(rest, overall, requirements, verdict)] if rest else []),
    )


def _verdict(verdict: ModelVerdict, requirements: Sequence[RequiredRows]) -> Markup:
    if verdict.is_blessed:
        words = "Every threshold holds." if requirements else "Nothing was there to be worse than."
        return page.banner("good", "Blessed", element("p", words))
    failures = [failure.text for failure in verdict.failures]
    if not failures:
        return page.banner("bad", "Not blessed", element("p", prose(f"{verdict.reason}.")))
    blocks = [page.bullets([shortened(text, 300) for text in failures[:_MAX_FAILURES]])]
    more = len(failures) - _MAX_FAILURES
    if more > 0:
        blocks.append(element("p", f"And {number(more)} more."))
    return page.banner("bad", "Not blessed", *blocks)


def _overall(overall: SliceScores, requirements: Sequence[RequiredRows]) -> Markup:
    has_baseline = _has_baseline([overall])
    required: dict[str, list[str]] = {}
    for requirement in requirements:
        change = "a change " if requirement.side == "change" else ""
        where = "" if requirement.slices == ALL_ROWS else f" on {requirement.slices}"
        text = f"{change}{requirement.bound}{shortened(where, _NAME_LENGTH)}"
        required.setdefault(requirement.metric, []).append(text)
    metrics = _ordered(overall.scores, requirements)
    rows = [
        page.row(
            shortened(metric, _NAME_LENGTH),
            _figures(overall.scores[metric], None, has_baseline=has_baseline),
            page.lines(*required.get(metric, [ABSENT])),
        )
        for metric in metrics[:_MAX_METRICS]
    ]
    sides = ("Candidate", "Baseline", "Change") if has_baseline else ("Candidate",)
    head = page.heading_row(("Metric", *sides), ("Required",))
    table = page.data_table("Metrics over all rows, and the thresholds", head, rows)
    blocks = [table]
    if not has_baseline:
        blocks.append(page.paragraph("There was no baseline to compare with."))
    if len(metrics) > _MAX_METRICS:
        more = number(len(metrics) - _MAX_METRICS)
        blocks.append(page.paragraph(f"The evaluation holds {more} more metrics."))
    return page.section("All rows", *blocks)


def _slices(
    slices: Sequence[SliceScores],
    overall: SliceScores | None,
    requirements: Sequence[RequiredRows],
    verdict: ModelVerdict,
) -> Markup:
    leading = requirements[0] if requirements else None
    has_baseline = _has_baseline(slices)
    every = _ordered({metric: None for part in slices for metric in part.scores}, requirements)
    every = [metric for metric in every if metric != _COUNT]
    columns = every[:_MAX_COLUMNS]
    per_slice = 2 + len(columns) * (3 if has_baseline else 1)
    shown = slices[: min(_MAX_SLICES, _MAX_NUMBERS // per_slice)]
    chart = _Chart(leading.metric if leading else columns[0] if columns else "", shown, overall)
    failed = {failure.slice_name for failure in verdict.failures}
    rows = []
    for part in shown:
        badge = [" ", page.badge("bad", "fails")] if part.name in failed else []
        counts = part.scores.get(_COUNT, Score()).candidate
        cells = [chart.of(part), _cell(number(counts), counts)]
        for metric in columns:
            rule = leading if leading and metric == leading.metric else None
            score = part.scores.get(metric, Score())
            figures = _figures(score, rule, has_baseline=has_baseline)
            if counts is not None and counts < _FEW_ROWS:
                figures[0] = _with_interval(figures[0], interval_of(metric, score, counts))
            cells.extend(_cells(figures, score))
        name = join(breakable(shortened(part.name, _NAME_LENGTH)), *badge)
        heading = element("th", name, scope="row")
        rows.append(element("tr", heading, *cells, data_name=part.name))
    head = _slice_head(chart.metric, columns, has_baseline=has_baseline)
    # Headings in two rows are not those of one column each.
    table = page.data_table(_caption(leading), head, rows, sortable=not has_baseline)
    return page.section(
        "Slices",
        _key(
            has_baseline=has_baseline,
            has_overall=overall is not None,
            has_intervals=chart.has_intervals,
        ),
        *([page.search_box("Find slices")] if len(shown) > _MANY_SLICES else []),
        table,
        *_left_out(len(slices) - len(shown), len(every) - len(columns)),
    )


def _with_interval(figure: str, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return figure
    low, high = interval
    return page.lines(figure, element("span", f"{low:.2g} to {high:.2g}", class_="soft small"))


def _caption(leading: RequiredRows | None) -> str:
    if leading is None:
        return "Metrics per slice; without a threshold it is unknown which is worst"
    what = f"the change of {leading.metric}" if leading.side == "change" else leading.metric
    return f"Metrics per slice, the worst by {what} first"


def _key(*, has_baseline: bool, has_overall: bool, has_intervals: bool) -> Markup:
    parts = [element("span", element("i", class_="first"), "candidate")]
    if has_intervals:
        words = f"its 95 % confidence interval, in numbers below {number(_FEW_ROWS)} rows"
        parts.append(element("span", element("i", class_="interval"), words))
    if has_baseline:
        parts.append(element("span", element("i", class_="second"), "baseline"))
    if has_overall:
        parts.append(element("span", element("i", class_="mean"), "candidate on all rows"))
    return element("p", *parts, class_="key soft")


def _left_out(num_slices: int, num_metrics: int) -> list[Markup]:
    parts = [
        f"{number(count)} more {name}"
        for count, name in ((num_slices, "slices"), (num_metrics, "metrics"))
        if count > 0
    ]
    if not parts:
        return []
    return [page.paragraph(f"The evaluation holds {' and '.join(parts)} than this page shows.")]


def _slice_head(charted: str, columns: Sequence[str], *, has_baseline: bool) -> Markup:
    names = [breakable(shortened(metric, _NAME_LENGTH)) for metric in columns]
    span = 2 if has_baseline else 1
    first = [
        element("th", "Slice", scope="col", rowspan=span),
        element("th", breakable(shortened(charted, _NAME_LENGTH)), scope="col", rowspan=span),
        element("th", "Rows", scope="col", class_="num", rowspan=span),
    ]
    if not has_baseline:
        heads = (element("th", name, scope="col", class_="num") for name in names)
        return element("tr", *first, *heads)
    groups = (element("th", name, scope="colgroup", colspan=3, class_="group") for name in names)
    sides = [
        element("th", side, scope="col", class_="num group" if side == "Candidate" else "num")
        for _ in columns
        for side in ("Candidate", "Baseline", "Change")
    ]
    return join(element("tr", *first, *groups), element("tr", *sides))


class _Chart:
    """Draws one metric of each slice on an axis that all of them share."""

    def __init__(
        self, metric: str, slices: Sequence[SliceScores], overall: SliceScores | None
    ) -> None:
        self.metric = metric
        self._overall = _finite(overall.scores.get(metric, Score()).candidate) if overall else None
        intervals = [self._interval(part) for part in slices]
        self.has_intervals = any(intervals)
        values = [
            value
            for part in slices
            for score in [part.scores.get(metric, Score())]
            for value in (score.candidate, score.baseline)
        ]
        values += [end for interval in intervals for end in interval or ()]
        finite = [value for value in [*values, self._overall] if _finite(value) is not None]
        self._low = min((value for value in finite if value is not None), default=0.0)
        self._high = max((value for value in finite if value is not None), default=0.0)

    def of(self, part: SliceScores) -> Markup:
        """Returns the cell of a slice."""
        score = part.scores.get(self.metric, Score())
        value, baseline = _finite(score.candidate), _finite(score.baseline)
        if value is None:
            return element("td", ABSENT)
        against = f", baseline {number(baseline)}" if baseline is not None else ""
        label = f"{number(value)}{against}"
        axis, interval = (self._low, self._high), self._interval(part)
        return element("td", strip(value, baseline, self._overall, axis, label, interval))

    def _interval(self, part: SliceScores) -> tuple[float, float] | None:
        num_rows = part.scores.get(_COUNT, Score()).candidate
        return interval_of(self.metric, part.scores.get(self.metric, Score()), num_rows)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _figures(score: Score, rule: RequiredRows | None, *, has_baseline: bool) -> list[str]:
    if not has_baseline:
        return [number(score.candidate)]
    change: str = signed(_change(score))
    if rule is not None and score.change and _change(score):
        is_better = (score.change < 0) == rule.is_lower_better
        change = element("span", change, class_="good" if is_better else "bad")
    return [number(score.candidate), number(score.baseline), change]


def _change(score: Score) -> float | None:
    """Returns the change; 0 for differences that only come from the order of summation."""
    size = max(abs(score.candidate or 0.0), abs(score.baseline or 0.0))
    return 0.0 if abs(score.change or 0.0) < _ROUNDING * size else score.change


def _cells(figures: Sequence[str], score: Score) -> list[Markup]:
    first, *rest = figures
    if not rest:
        return [_cell(first, score.candidate)]
    cells = [element("td", figure, class_="num") for figure in rest]
    return [element("td", first, class_="num group"), *cells]


def _cell(text: str, value: float | None) -> Markup:
    """Returns a cell that the page can sort by."""
    exact = None if value is None else repr(value)
    return element("td", text, class_="num", data_value=exact)


def _ordered(metrics: Iterable[str], requirements: Sequence[RequiredRows]) -> list[str]:
    """Returns metrics by name, those with a threshold first, in the thresholds' order."""
    first = list(dict.fromkeys(requirement.metric for requirement in requirements))
    names = sorted(set(metrics))
    return [name for name in first if name in names] + [n for n in names if n not in first]


def _has_baseline(slices: Sequence[SliceScores]) -> bool:
    return any(score.baseline is not None for part in slices for score in part.scores.values())
