"""The part of an evaluation's report that draws ROC curves, confusion matrices and calibrations."""

from collections.abc import Sequence

from headrace_components.evaluator.curves import CalibrationPoint, Confusion, Curve
from headrace_components.library.reports import page
from headrace_components.library.reports.drawing import Bar, curve, density, histogram
from headrace_components.library.reports.markup import Markup, element
from headrace_components.library.reports.numbers import number, percent

_MAX_CARDS = 24


def curve_section(curves: Sequence[Curve]) -> Markup:
    """Returns the section on how the models decide over all rows."""
    names = list(dict.fromkeys(each.name for each in curves))
    cards = []
    for name in names[:_MAX_CARDS]:
        sides = {each.side: each for each in curves if each.name == name}
        candidate, baseline = sides.get("candidate"), sides.get("baseline")
        if candidate is None:
            continue
        if candidate.roc:
            cards.append(_roc(name, candidate, baseline))
        if candidate.calibration:
            cards.append(_calibration(name, candidate, baseline))
        for title, side in (("candidate", candidate), ("baseline", baseline)):
            if side is not None and side.confusion is not None:
                heading = _titled(f"Confusion matrix of the {title}", name)
                cards.append(_confusion(heading, side.confusion))
    drawn = [element("div", *cards, class_="cards")] if cards else []
    return page.section("Decisions", *drawn, *_not_drawn(curves, len(names) - _MAX_CARDS))


def _not_drawn(curves: Sequence[Curve], num_more: int) -> list[Markup]:
    missing = dict.fromkeys(
        each.name or "of a model without a name"
        for each in curves
        if each.side == "candidate" and not each.is_drawn
    )
    blocks = []
    if missing:
        words = (
            f"Not drawn, because the kind is another one or there are too many classes: "
            f"{', '.join(missing)}. The evaluation holds them; tfma.view shows them."
        )
        blocks.append(page.paragraph(words))
    if num_more > 0:
        blocks.append(page.paragraph(f"The evaluation holds {number(num_more)} more."))
    return blocks


def _calibration(name: str, candidate: Curve, baseline: Curve | None) -> Markup:
    sides = [candidate, baseline] if baseline is not None and baseline.calibration else [candidate]
    points = [point for side in sides for point in side.calibration]
    values = [value for point in points for value in (point.prediction, point.label)]
    # Probabilities have the whole unit square, so that pages can be compared.
    low, high = min([0.0, *values]), max(values)
    high = 1.0 if high <= 1.0 and low == 0.0 else high
    size = (high - low) or 1.0
    lines = [
        [((p.prediction - low) / size, (p.label - low) / size) for p in side.calibration]
        for side in sides
    ]
    furthest = max(candidate.calibration, key=lambda p: p.weight * abs(p.prediction - p.label))
    label = (
        f"Mean label by mean prediction; on the diagonal, predictions are right on average. The "
        f"most rows are off at the prediction {number(furthest.prediction)}, where the mean label "
        f"is {number(furthest.label)}"
    )
    ends = (number(low), number(high))
    drawing = curve(lines, "Mean prediction", "Mean label", label, ends=ends, has_dots=True)
    return element(
        "article",
        element("h3", _titled("Calibration", name)),
        drawing,
        _predictions(candidate.calibration, low, high),
        element("p", *_key(has_baseline=len(sides) > 1), class_="key soft"),
        page.paragraph(f"{label}."),
        class_="card",
    )


def _predictions(points: Sequence[CalibrationPoint], low: float, high: float) -> Markup:
    """Returns how many rows have which prediction."""
    total = sum(point.weight for point in points)
    places = [point.prediction for point in points]
    # A bucket is as wide as the way to its neighbours, because empty ones are not there.
    step = (high - low) / max(len(places), 10)
    bars = [
        Bar(low=place - step / 2, high=place + step / 2, share=point.weight / total)
        for place, point in zip(places, points, strict=True)
    ]
    tallest = max(density(bar, low, high) for bar in bars)
    return histogram(bars, low, high, tallest, "Share of the rows by prediction of the candidate")


def _titled(what: str, name: str) -> str:
    # TFMA's plot of a model with one output has no name.
    return f"{what}: {name}" if name else what


def _roc(name: str, candidate: Curve, baseline: Curve | None) -> Markup:
    sides = [candidate, baseline] if baseline is not None and baseline.roc else [candidate]
    lines = [[(p.false_positive_rate, p.recall) for p in side.roc] for side in sides]
    middle = min(candidate.roc, key=lambda point: abs(point.threshold - 0.5))
    label = (
        f"ROC curve; at the threshold {number(middle.threshold)} the candidate finds "
        f"{percent(middle.recall)} of the positives with "
        f"{percent(middle.false_positive_rate)} false positives"
    )
    drawing = curve(lines, "False positive rate", "Recall", label)
    return element(
        "article",
        element("h3", _titled("ROC curve", name)),
        drawing,
        element("p", *_key(has_baseline=len(sides) > 1), class_="key soft"),
        page.paragraph(f"{label}."),
        class_="card",
    )


def _key(*, has_baseline: bool) -> list[Markup]:
    second = [element("span", element("i", class_="dash"), "baseline")] if has_baseline else []
    return [element("span", element("i", class_="first"), "candidate"), *second]


def _confusion(title: str, confusion: Confusion) -> Markup:
    head = element(
        "tr",
        element("th", "Actual", scope="col"),
        *(element("th", label, scope="col", class_="num") for label in confusion.labels),
    )
    rows = []
    for label, counts in zip(confusion.labels, confusion.counts, strict=True):
        total = sum(counts)
        cells = [
            element(
                "td",
                page.lines(number(count), percent(count / total if total else None)),
                class_="num shade",
                style=f"--share:{100 * count / total if total else 0:.0f}%",
            )
            for count in counts
        ]
        rows.append(element("tr", element("th", label, scope="row"), *cells))
    at = "" if confusion.threshold is None else f" at the threshold {number(confusion.threshold)}"
    caption = f"Rows by actual and predicted class{at}"
    return element(
        "article", element("h3", title), page.data_table(caption, head, rows), class_="card"
    )
