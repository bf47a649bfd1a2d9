"""The page of one run. Its pieces are sent again while the run goes on, those that have changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from headrace.contract.service import ServiceRun, ServiceTask
from headrace.display.graph.drawing import draw
from headrace.display.graph.model import state_in, tree_of
from headrace.ui import links
from headrace.ui.rendering import fragment, ident, page
from headrace.ui.runs.commands import commands_for
from headrace.ui.runs.pipelines import pipeline_of
from headrace.ui.runs.reports import reports_of
from headrace.ui.site import Site, site_of

_PIECES = ("state", "announcement", "verdicts", "failures", "commands", "graph", "tasks", "reports")
_MAX_METRICS = 12
_MAX_TASKS = 300
_ORDER = ("failed", "running", "waiting")


def show_run(request: Request) -> Response:
    """Shows a run."""
    site, run = _asked(request)
    pieces = _pieces(site, run, _toggled(request))
    return page(
        request,
        "runs/run.html",
        run=run,
        pieces=pieces,
        live=_live_address(run, _toggled(request), pieces),
    )


def show_changes(request: Request) -> Response:
    """Returns the pieces of a run's page that have changed since the page was sent."""
    site, run = _asked(request)
    pieces = _pieces(site, run, _toggled(request))
    before = request.query_params.get("seen", "").split(".")
    seen = dict(zip(_PIECES, before, strict=False))
    changed = {name: piece for name, piece in pieces.items() if seen.get(name) != ident(piece)}
    if not changed and not run.is_over:
        return Response(status_code=204)
    return page(
        request,
        "runs/run_changes.html",
        run=run,
        changed=changed,
        live=_live_address(run, _toggled(request), pieces),
    )


def _asked(request: Request) -> tuple[Site, ServiceRun]:
    site = site_of(request)
    return site, site.runs().describe(request.path_params["run_id"])


def _toggled(request: Request) -> tuple[str, ...]:
    return tuple(dict.fromkeys(request.query_params.getlist("toggle")))


def _digests(pieces: Mapping[str, Markup]) -> str:
    return ".".join(ident(pieces[name]) for name in _PIECES)


def _live_address(run: ServiceRun, toggled: Sequence[str], pieces: Mapping[str, Markup]) -> str:
    return links.with_query(links.live_link(run.id), {"toggle": toggled, "seen": _digests(pieces)})


def _pieces(site: Site, run: ServiceRun, toggled: Sequence[str]) -> dict[str, Markup]:
    summary = run.summary
    pipeline = pipeline_of(site, run)
    tree = tree_of(pipeline, run.tasks, is_over=run.is_over) if pipeline else None
    counts = Counter(state_in(task.state, is_over=run.is_over) for task in run.tasks)
    order = [task for state in _ORDER for task in run.tasks if task.state == state]
    # Of very many, those that a person looks for.
    listed = run.tasks
    if len(listed) > _MAX_TASKS:
        rest = [task for task in run.tasks if task.state not in _ORDER]
        chosen = {task.name for task in [*order, *rest][:_MAX_TASKS]}
        listed = tuple(task for task in run.tasks if task.name in chosen)
    values: dict[str, Any] = {
        "site": site,
        "run": run,
        "summary": summary,
        "metrics": [
            (task, list(found))
            for task, found in groupby(summary.metrics[:_MAX_METRICS], lambda metric: metric.task)
        ],
        "num_more_metrics": max(0, len(summary.metrics) - _MAX_METRICS),
        "counts": counts,
        "failed": [task for task in run.tasks if task.state == "failed"],
        "tree": tree,
        "picture": draw(tree, toggled) if tree else None,
        "toggle": _toggler(run, toggled),
        "target": lambda path: links.task_link(run.id, path),
        "listed": listed,
        "bars": _bars(run),
        "commands": commands_for(site, run),
        "reports": [report for task in run.tasks for report in reports_of(site, task)],
    }
    return {name: fragment(f"runs/pieces/{name}.html", **values) for name in _PIECES}


def _toggler(run: ServiceRun, toggled: Sequence[str]) -> Any:
    def toggle(path: str) -> str:
        """Returns the address of the page in which a group is folded, or opened."""
        paths = [each for each in toggled if each != path]
        if path not in toggled:
            paths.append(path)
        address = links.with_query(links.run_link(run.id), {"toggle": paths})
        return f"{address}#box-{ident(path)}"

    return toggle


def _bars(run: ServiceRun) -> dict[str, tuple[float, float]]:
    """Returns when tasks ran: the part of the run's time before each, and its own, in percent."""
    times = [(task, task.started) for task in run.tasks if task.started is not None]
    if not times:
        return {}
    first = min(started for _, started in times)
    spans = {
        task.name: ((started - first).total_seconds(), _shown(task)) for task, started in times
    }
    total = max([start + length for start, length in spans.values()])
    return {
        name: (100 * start / (total or 1), max(100 * length / (total or 1), 0.4))
        for name, (start, length) in spans.items()
    }


def _shown(task: ServiceTask) -> float:
    return 0.0 if task.state in ("cached", "skipped") else task.seconds
