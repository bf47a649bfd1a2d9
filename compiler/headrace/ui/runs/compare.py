"""The comparison of a few runs: what differs comes first."""

from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headrace.display.runs.comparison import Compared, compared
from headrace.ui.artifacts.pairs import output_pairs
from headrace.ui.rendering import page
from headrace.ui.site import site_of

MAX_RUNS = 8


def compare_runs(request: Request) -> Response:
    """Shows the runs that the address names, beside each other."""
    names = list(dict.fromkeys(request.query_params.getlist("run")))
    if not 2 <= len(names) <= MAX_RUNS:
        raise HTTPException(
            400,
            f"Choose 2 to {MAX_RUNS} runs to compare: {len(names)} "
            f"{'is' if len(names) == 1 else 'are'} chosen. The table of runs has boxes for it.",
        )
    found = site_of(request).runs()
    runs = [found.describe(name) for name in names]
    comparison = compared(runs)
    tasks = dict.fromkeys(task.name for run in runs for task in run.tasks)
    states = [{task.name: task.state for task in run.tasks} for run in runs]
    return page(
        request,
        "runs/compare.html",
        runs=runs,
        metrics=_differing_first(comparison.metrics),
        verdicts=_differing_first(comparison.verdicts),
        parameters=_differing_first(comparison.parameters),
        tasks=_differing_first(
            Compared(name=name, values=tuple(each.get(name) for each in states)) for name in tasks
        ),
        outputs=output_pairs(runs),
        seconds=[{task.name: task.seconds for task in run.tasks} for run in runs],
    )


def _differing_first(lines: Iterable[Compared]) -> list[Compared]:
    return sorted(lines, key=lambda line: not line.differs)
