"""The page on a training: losses and metrics by epoch, or by step of a short training."""

from collections.abc import Sequence

from headrace_components.library.reports import page
from headrace_components.library.reports.lines import line_chart
from headrace_components.library.reports.markup import Markup, element
from headrace_components.library.reports.numbers import number
from headrace_components.library.user_code.training_history import (
    History,
    Points,
    diverged,
    is_loss,
)

_MAX_MODELS = 10
_MAX_METRICS = 60
_MAX_POINTS = 500


def training_report(histories: Sequence[History]) -> bytes:
    """Returns an HTML page of under 2 MB. It has no times, so the same training has the same page.

    Args:
        histories: One for each model that was trained, in their order.
    """
    if not histories:
        words = (
            "The training showed no history: it did not use `fit` of Keras, and wrote no files for "
            "TensorBoard to fn_args.model_run_dir."
        )
        return page.page("Training", "no history", page.paragraph(words))
    shown = histories[-_MAX_MODELS:]
    numbered = len(histories) > 1
    blocks: list[Markup] = []
    for index, history in enumerate(shown, start=len(histories) - len(shown) + 1):
        title = f"Model {index}" if numbered else "Curves"
        blocks.append(page.section(title, *_blocks(history)))
    subtitle = f"{number(len(histories))} models, the last one at the end" if numbered else ""
    return page.page("Training", subtitle or _size(histories[-1]), *blocks)


def _blocks(history: History) -> list[Markup]:
    blocks = []
    wrong = diverged(history)
    if wrong:
        text = "; ".join(wrong)
        blocks.append(page.banner("bad", "The loss is not a number", element("p", f"{text}.")))
    by_epoch, series = history.is_by_epoch(), history.curves()
    names = sorted(_owners(series), key=lambda name: (not is_loss(name), name))
    unit = "epoch" if by_epoch else "step"
    cards = [_card(name, series, unit) for name in names[:_MAX_METRICS]]
    blocks.append(element("div", *cards, class_="cards"))
    if not by_epoch and history.num_epochs:
        blocks.append(page.paragraph("A value at a step is that of the epoch so far."))
    if len(names) > _MAX_METRICS:
        blocks.append(page.paragraph(f"The history has {number(len(names) - _MAX_METRICS)} more."))
    blocks.append(_table(history))
    return blocks


def _owners(series: dict[str, Points]) -> list[str]:
    """Returns the metrics that get a chart; a validation's is in that of its metric."""
    return [
        name for name in series if _of_training(name) not in series or _of_training(name) == name
    ]


def _of_training(name: str) -> str:
    return name.removeprefix("val_").removeprefix("validation/")


def _card(name: str, series: dict[str, Points], unit: str) -> Markup:
    others = [other for other in series if other != name and _of_training(other) == name]
    lines = [_thinned(series[each]) for each in (name, *others[:1])]
    key = [element("span", element("i", class_="first"), name)]
    if others:
        key.append(element("span", element("i", class_="dash"), others[0]))
    first, last = lines[0][0][1], lines[0][-1][1]
    label = f"{name} from {number(first)} to {number(last)}"
    return element(
        "article",
        element("h3", name),
        line_chart(lines, unit, label),
        element("p", *key, class_="key soft"),
        class_="card",
    )


def _thinned(points: Points) -> Points:
    every = -(-len(points) // _MAX_POINTS)
    kept = points[::every]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _table(history: History) -> Markup:
    last, best = history.last(), history.best()
    rows = [
        page.row(name, [number(last[name]), number(best.get(name))])
        for name in sorted(last, key=lambda name: (not is_loss(name), name))[: 2 * _MAX_METRICS]
    ]
    return page.data_table(
        f"After {_size(history)}", page.heading_row(["Metric", "Last", "Best"]), rows
    )


def _size(history: History) -> str:
    parts = [
        f"{number(count)} {noun}{'' if count == 1 else 's'}"
        for count, noun in ((history.num_epochs, "epoch"), (history.num_steps, "step"))
        if count
    ]
    return ", ".join(parts)
