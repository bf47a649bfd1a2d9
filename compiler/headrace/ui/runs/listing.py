"""The page of all runs."""

from starlette.requests import Request
from starlette.responses import Response

from headrace.ui.rendering import page
from headrace.ui.site import site_of
from headrace_components.contract.errors import InputError

_LIMIT = 100


def list_runs(request: Request) -> Response:
    """Shows the latest runs."""
    try:
        reader = site_of(request).lineage()
    except InputError:  # no store: nothing has run under this root
        reader = None
    runs = reader.runs(_LIMIT) if reader else []
    return page(request, "runs/listing.html", runs=runs)
