"""The comparison of a few runs: what differs comes first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headrace.contract.service import RunArtifact, ServiceRun
from headrace.display.runs.changes import RunChange
from headrace.display.runs.comparison import Compared, compared
from headrace.display.runs.differences import difference
from headrace.ui.artifacts.pairs import output_pairs
from headrace.ui.rendering import page
from headrace.ui.site import Site, site_of
from headrace_components.contract.errors import ComponentError

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
    site = site_of(request)
    found = site.runs()
    # What changed is told from the earlier run to the later.
    runs = sorted(
        [found.describe(name) for name in names],
        key=lambda run: run.created.timestamp() if run.created else 0.0,
    )
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
        changes=_changes(site, runs[0], runs[1]) if len(runs) == 2 else {},
        seconds=[{task.name: task.seconds for task in run.tasks} for run in runs],
    )


def _differing_first(lines: Iterable[Compared]) -> list[Compared]:
    return sorted(lines, key=lambda line: not line.differs)


def _changes(
    site: Site, before: ServiceRun, after: ServiceRun
) -> Mapping[str, Sequence[RunChange]]:
    """Returns what two runs differ in beside values, by the part of the run."""
    runs = site.runs()
    try:
        sources = runs.source(before.id), runs.source(after.id)
    except ComponentError:  # not known, or damaged: the rest of the page is whole
        return {}
    found = difference(_of_root(site, before), _of_root(site, after), *sources).sections
    return {name: found[name] for name in ("pipeline", "code", "environment", "artifacts")}


def _of_root(site: Site, run: ServiceRun) -> ServiceRun:
    """Returns a run without artifacts elsewhere: the comparison reads files of artifacts."""
    root = site.root.resolve()
    tasks = [
        replace(
            task,
            outputs={port: each for port, each in task.outputs.items() if _is_under(root, each)},
        )
        for task in run.tasks
    ]
    return replace(run, tasks=tuple(tasks))


def _is_under(root: Path, artifacts: Iterable[RunArtifact]) -> bool:
    try:
        return all(
            "://" in each.uri or Path(each.uri, "schema.pbtxt").resolve().is_relative_to(root)
            for each in artifacts
        )
    except (OSError, ValueError, RuntimeError):
        return False
