"""The page of all runs."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.contract.run_filter import RunFilter
from headrace.contract.service import ServiceRun
from headrace.ui import links
from headrace.ui.rendering import fragment, ident, page
from headrace.ui.runs.table import Row, Selection, column_named, columns_of, in_order
from headrace.ui.site import Site, site_of
from headrace_components.contract.errors import InputError

_PAGE_ROWS = 50
_SERVICE_RUNS = 200  # each page of a service's answer takes a while


@dataclass(frozen=True, kw_only=True, slots=True)
class _PageOfRuns:
    """The runs of a page.

    Attributes:
        taken: All that the filter takes.
        rows: Those shown.
        pages: How many pages they have.
        number: The number of this page, from 1.
    """

    taken: Sequence[Row]
    rows: Sequence[Row]
    pages: int
    number: int


def list_runs(request: Request) -> Response:
    """Shows the runs that were asked for; for htmx only their table, and only if it changed."""
    site = site_of(request)
    selection, problem = _selection(request)
    every = _runs_of(site)
    found = _found(every, selection, _number(request))
    columns, left_out = columns_of(found.taken, selection)

    def link(**changes: Any) -> str:
        """Returns the address of this page with other values."""
        kept = {
            name: request.query_params[name] for name in _NAMES if request.query_params.get(name)
        }
        return links.with_query(links.RUNS, {**kept, **changes})

    values: dict[str, Any] = {
        "found": found,
        "columns": columns,
        "left_out": left_out,
        "selection": selection,
        "link": link,
        "is_any_active": any(not row.run.is_over for row in found.rows),
    }
    table = fragment("runs/table.html", links_here=link, **values)
    digest = ident(table)
    if request.headers.get("hx-request"):
        if request.query_params.get("seen") == digest:
            return Response(status_code=204)
        return page(request, "runs/live_table.html", table=table, digest=digest, **values)
    return page(
        request,
        "runs/listing.html",
        table=table,
        digest=digest,
        problem=problem,
        pipelines=sorted({run.pipeline for run in every if run.pipeline}),
        states=sorted({run.state for run in every}),
        num_runs=len(every),
        query=request.query_params,
        **values,
    )


_NAMES = ("q", "pipeline", "state", "parameters", "sort", "order", "columns")
"""What the address may have; the number of the page begins again with another choice."""


def _runs_of(site: Site) -> Sequence[ServiceRun]:
    if not site.is_of_service and not site.root.is_dir():
        return ()  # nothing has run here
    return site.runs().runs(_SERVICE_RUNS if site.is_of_service else None)


def _selection(request: Request) -> tuple[Selection, str]:
    """Returns what was asked for, and what is wrong with it, in words; empty if nothing is."""
    query = request.query_params
    problem = ""
    try:
        parameters = _assignments(query.get("parameters", ""))
    except InputError as error:
        parameters, problem = {}, str(error)
    sort = query.get("sort", "")
    return Selection(
        text=query.get("q", "").strip(),
        pipeline=query.get("pipeline", ""),
        state=query.get("state", ""),
        parameters=parameters,
        sort=sort if column_named(sort) else "",
        descending=query.get("order") == "descending",
        all_columns=query.get("columns") == "all",
    ), problem


def _assignments(text: str) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    if bad := next((word for word in words if "=" not in word), None):
        raise InputError(
            f"Parameters: {bad!r} is not of the form NAME=VALUE. Write for example epochs=5."
        )
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _found(every: Sequence[ServiceRun], selection: Selection, number: int) -> _PageOfRuns:
    which = RunFilter(
        pipeline=selection.pipeline, state=selection.state, parameters=selection.parameters
    )
    taken = [run for run in every if which.takes(run) and selection.has_text(run)]
    pages = max(1, -(-len(taken) // _PAGE_ROWS))
    number = min(max(number, 1), pages)
    rows = [Row.of(run) for run in taken]
    if column := column_named(selection.sort):  # else the newest first, as the runs come
        rows = in_order(rows, column, descending=selection.descending)
    shown = rows[(number - 1) * _PAGE_ROWS : number * _PAGE_ROWS]
    return _PageOfRuns(taken=rows, rows=shown, pages=pages, number=number)


def _number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return int(text) if text.isdecimal() and len(text) < 7 else 1
