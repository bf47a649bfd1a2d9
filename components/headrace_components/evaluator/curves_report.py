"""The part of an evaluation's report that draws ROC curves and confusion matrices."""

from collections.abc import Sequence

from headrace_components.evaluator.curves import Confusion, Curve
from headrace_components.library.reports import page
from headrace_components.library.reports.drawing import curve
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
        for title, side in (("candidate", candidate), ("baseline", baseline)):
            if side is not None and side.confusion is not None:
                heading = _titled(f"Confusion matrix of the {title}", name)
                cards.append(_confusion(heading, side.confusion))
    more = len(names) - _MAX_CARDS
    rest = [page.paragraph(f"The evaluation holds {number(more)} more.")] if more > 0 else []
    return page.section("Decisions", element("div", *cards, class_="cards"), *rest)


def _titled(what: str, name: str) -> str:
    # TFMA's plot of a model with one output has no name.
    return f"{what}: {name}" if name else what


def _roc(name: str, candidate: Curve, baseline: Curve | None) -> Markup:
    sides = [candidate, baseline] if baseline is not None and baseline.roc else [candidate]
    lines = [[(p.false_positive_rate, p.recall) for p in side.roc] for side in sides]
    key = [element("span", element("i", class_="first"), "candidate")]
    if len(sides) > 1:
        key.append(element("span", element("i", class_="dash"), "baseline"))
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
        element("p", *key, class_="key soft"),
        page.paragraph(f"{label}."),
        class_="card",
    )


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
