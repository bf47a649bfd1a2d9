"""The application: which page answers which address."""

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from headrace.ui.access import Guard
from headrace.ui.artifacts.artifact import download, show_artifact, show_document, show_file
from headrace.ui.lineage.lineage import show_lineage
from headrace.ui.models.listing import list_models
from headrace.ui.rendering import page
from headrace.ui.runs.compare import compare_runs
from headrace.ui.runs.listing import list_runs
from headrace.ui.runs.logs import show_log, show_piece
from headrace.ui.runs.reports import show_report
from headrace.ui.runs.run import show_changes, show_run
from headrace.ui.runs.task import show_task
from headrace.ui.site import Site
from headrace_components.contract.errors import InputError, PlatformError

STATIC = Path(__file__).parent / "static"

# A page is a function from a request to a response: a module of a folder beside this one, and a
# template of the same name. It is not `async`: Starlette calls it in a thread.
_ROUTES = [
    Route("/", list_runs),
    Route("/compare", compare_runs),
    Route("/runs/{run_id}", show_run),
    Route("/runs/{run_id}/live", show_changes),
    Route("/runs/{run_id}/tasks/{task:path}", show_task),
    Route("/runs/{run_id}/log/{task:path}", show_log),
    Route("/runs/{run_id}/log-piece/{task:path}", show_piece),
    Route("/reports/{pipeline}/{run_id}/{task:path}", show_report),
    Route("/artifacts", show_artifact),
    Route("/artifacts/document", show_document),
    Route("/artifacts/download", download),
    Route("/artifacts/file", show_file),
    Route("/lineage", show_lineage),
    Route("/models", list_models),
]


class _Files(StaticFiles):
    """Files of the pages: a browser keeps them, and asks each time whether they are the same."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["cache-control"] = "no-cache"
        return response


def application(site: Site, *, host: str, token: str) -> Starlette:
    """Returns the application for a site.

    Args:
        site: What it shows.
        host: The address that the server listens at.
        token: What browsers must show; empty for none.
    """
    app = Starlette(
        routes=[*_ROUTES, Mount("/static", _Files(directory=STATIC))],
        middleware=[Middleware(Guard, host=host, token=token)],
        exception_handlers={
            HTTPException: _http_error,
            InputError: _input_error,
            PlatformError: _platform_error,
            Exception: _unexpected_error,
        },
    )
    app.state.site = site
    return app


def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = error.detail if isinstance(error, HTTPException) else str(error)
    if status == 404:
        text = f"There is no page {request.url.path}."
    title = "Not found" if status == 404 else "Not possible"
    return page(request, "problem.html", status, title=title, text=text)


def _input_error(request: Request, error: Exception) -> Response:
    return page(request, "problem.html", 404, title="Not found", text=str(error))


def _platform_error(request: Request, error: Exception) -> Response:
    return page(request, "problem.html", 503, title="Not available", text=str(error))


def _unexpected_error(request: Request, error: Exception) -> Response:
    # The server prints the traceback.
    text = f"{type(error).__name__}: {error}. This is a bug; the terminal shows where it happened."
    return page(request, "problem.html", 500, title="This page failed", text=text)
