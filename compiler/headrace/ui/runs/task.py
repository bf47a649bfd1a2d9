"""The page of one task of a run, or of all rounds of a task in a loop."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headrace.contract.service import ENDED, ServiceRun, ServiceTask, summary_of_tasks
from headrace.contract.shown_values import shown
from headrace.display.graph.model import pattern_of
from headrace.ir.view import Pipeline
from headrace.ui.rendering import page
from headrace.ui.runs.commands import task_commands
from headrace.ui.runs.logs import last_piece
from headrace.ui.runs.pipelines import component_at, pipeline_of
from headrace.ui.runs.reports import reports_of
from headrace.ui.site import Site, site_of


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenValue:
    """The value of a parameter.

    Attributes:
        value: The value.
        is_default: Whether it is what the component takes if nobody gives one.
    """

    value: Any
    is_default: bool


def show_task(request: Request) -> Response:
    """Shows a task, or the rounds of one."""
    site = site_of(request)
    name = request.path_params["task"]
    run = site.runs().describe(request.path_params["run_id"])
    task = next((each for each in run.tasks if each.name == name), None)
    if task is None:
        rounds = [each for each in run.tasks if pattern_of(each.name) == pattern_of(name)]
        if rounds and pattern_of(name) == name:
            return page(request, "runs/rounds.html", run=run, name=name, rounds=rounds)
        task = _to_come(site, run, name)
    if request.headers.get("hx-request"):
        if request.query_params.get("seen") == task.state:
            return page(request, "runs/task_state.html", run=run, task=task)
        return Response(headers={"hx-refresh": "true"})
    return _task_page(request, site, run, task)


def _task_page(request: Request, site: Site, run: ServiceRun, task: ServiceTask) -> Response:
    summary = summary_of_tasks([task])
    return page(
        request,
        "runs/task.html",
        run=run,
        task=task,
        is_over=task.state in ENDED or run.is_over,
        summary=summary,
        why=site.explain(run.id, task.name)
        if task.name in {each.name for each in run.tasks}
        else None,
        parameters=_given(task, pipeline_of(site, run)),
        reports=reports_of(site, task),
        piece=last_piece(site, run, task),
        commands=task_commands(site, run, task),
    )


def _to_come(site: Site, run: ServiceRun, name: str) -> ServiceTask:
    """Returns a task of the pipeline that the run has not come to, and may never."""
    pipeline = pipeline_of(site, run)
    component = component_at(pipeline, name) if pipeline else None
    if component is None:
        raise HTTPException(404)
    return ServiceTask(
        name=name, state="waiting", component=component.headrace_name or component.name
    )


def _given(task: ServiceTask, pipeline: Pipeline | None) -> Mapping[str, GivenValue]:
    component = component_at(pipeline, task.name) if pipeline else None
    defaults = {
        name: shown(definition["defaultValue"])
        for name, definition in (component.input_parameters if component else {}).items()
        if "defaultValue" in definition
    }
    # Given values first: they are what a person looks for.
    given = {
        name: GivenValue(
            value=value, is_default=name in defaults and _is_same(defaults[name], value)
        )
        for name, value in task.parameters.items()
    }
    return dict(sorted(given.items(), key=lambda item: item[1].is_default))


def _is_same(a: Any, b: Any) -> bool:
    return bool(_plain(a) == _plain(b))


def _plain(value: Any) -> Any:
    """Returns a value as data: backends hand on lists and structs as JSON text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
