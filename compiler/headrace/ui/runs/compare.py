"""The comparison of a few runs: what differs comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headrace.contract.service import ServiceTask
from headrace.ui.rendering import as_text, page
from headrace.ui.runs.summaries import keep_summary
from headrace.ui.site import site_of

MAX_RUNS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a comparison.

    Attributes:
        name: What is compared.
        values: Its value in each run; None where there is none.
        differs: Whether they are not all the same.
    """

    name: str
    values: Sequence[Any]
    differs: bool


def compare_runs(request: Request) -> Response:
    """Shows the runs that the address names, beside each other."""
    names = list(dict.fromkeys(request.query_params.getlist("run")))
    if not 2 <= len(names) <= MAX_RUNS:
        raise HTTPException(
            400,
            f"Choose 2 to {MAX_RUNS} runs to compare: {len(names)} "
            f"{'is' if len(names) == 1 else 'are'} chosen. The table of runs has boxes for it.",
        )
    site = site_of(request)
    found = site.runs()
    runs = [found.describe(name) for name in names]
    summaries = [keep_summary(site, run) for run in runs]
    metrics = [
        {f"{metric.task}: {metric.name}": metric.value for metric in summary.metrics}
        for summary in summaries
    ]
    verdicts = [
        {one.task: ", ".join((one.text, *one.reasons)) for one in summary.verdicts}
        for summary in summaries
    ]
    return page(
        request,
        "runs/compare.html",
        runs=runs,
        parameters=lines([run.parameters for run in runs]),
        metrics=lines(metrics),
        verdicts=lines(verdicts),
        tasks=lines([{task.name: task for task in run.tasks} for run in runs], key=_ending),
    )


def lines(columns: Sequence[Mapping[str, Any]], key: Any = as_text) -> list[Line]:
    """Returns the lines of a table, those that differ first.

    Args:
        columns: The values of each run by name.
        key: Returns what of a value must be the same.
    """
    names = dict.fromkeys(name for column in columns for name in column)
    found = []
    for name in names:
        values = [column.get(name) for column in columns]
        there = [None if value is None else key(value) for value in values]
        found.append(
            Line(name=name, values=values, differs=any(each != there[0] for each in there))
        )
    return sorted(found, key=lambda line: not line.differs)


def _ending(task: ServiceTask) -> str:
    return task.state
