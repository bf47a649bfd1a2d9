"""Shows what came of a run on a terminal: a line for each verdict, and the headline metrics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.text import Text

from headrace.lineage.summaries import Metric, RunSummary
from headrace.lineage.verdicts import Verdict

_MOST_VERDICTS = 12
_MOST_REASONS = 3
_MOST_TASKS = 4
_MOST_METRICS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    sign: str
    plain: str
    style: str


# A terminal without Unicode gets the second sign.
_MARKS = {
    True: _Mark(sign="✓", plain="+", style="green"),
    False: _Mark(sign="✗", plain="x", style="bold red"),
    None: _Mark(sign="-", plain="-", style="yellow"),
}


def summary_lines(summary: RunSummary, *, ascii_only: bool = False) -> list[Text]:
    """Returns the lines for a run; none for a run without verdicts and metrics.

    Args:
        summary: What came of the run.
        ascii_only: Whether the lines may have ASCII characters alone.
    """
    verdicts = list(summary.verdicts)
    if len(verdicts) > _MOST_VERDICTS:
        # What a person should look at comes first; the rest keeps its order.
        verdicts.sort(key=lambda verdict: verdict.is_good is not False)
    shown = verdicts[:_MOST_VERDICTS]
    groups = [(task, list(found)) for task, found in groupby(summary.metrics, lambda m: m.task)]
    tasks = [*(verdict.task for verdict in shown), *(task for task, _ in groups[:_MOST_TASKS])]
    width = min(32, max(map(len, tasks), default=0))
    lines = [line for verdict in shown for line in _verdict(verdict, width, ascii_only=ascii_only)]
    if len(verdicts) > len(shown):
        lines.append(Text(f"  and {len(verdicts) - len(shown)} more verdicts"))
    lines += [_metrics(task, found, width) for task, found in groups[:_MOST_TASKS]]
    return lines


def number(value: float) -> str:
    """Returns a metric as people read it, with four digits."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"  # never -0
    return f"{value:.4g}"


def _verdict(verdict: Verdict, width: int, *, ascii_only: bool) -> Iterator[Text]:
    mark = _MARKS[verdict.is_good]
    sign = mark.plain if ascii_only else mark.sign
    line = Text.assemble((sign, mark.style), f" {verdict.task:<{width}}  ")
    line.append(verdict.text, style=mark.style)
    shown = verdict.reasons[: 1 if verdict.is_good else _MOST_REASONS]
    if len(shown) == 1:
        line.append(f": {shown[0]}")
    yield line
    if len(shown) > 1:
        yield from (Text(f"    {reason}") for reason in shown)
    more = len(verdict.reasons) - len(shown)
    if more and not verdict.is_good:
        yield Text(f"    and {more} more")


def _metrics(task: str, metrics: Sequence[Metric], width: int) -> Text:
    shown = [_metric(metric) for metric in metrics[:_MOST_METRICS]]
    more = len(metrics) - len(shown)
    words = ", ".join([*shown, *([f"{more} more"] if more else [])])
    return Text(f"  {task:<{width}}  {words}")


def _metric(metric: Metric) -> str:
    text = f"{metric.name} {number(metric.value)}"
    if metric.change:
        return f"{text} ({metric.change:+.3g} on the baseline)"
    # A count of rows is the same for both.
    is_same = metric.change == 0 and not metric.name.endswith("_count")
    return f"{text} (as the baseline)" if is_same else text
