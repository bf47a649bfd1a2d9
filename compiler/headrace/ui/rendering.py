"""From a template to a response. Every value is escaped, unless a template says otherwise."""

import functools
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from headrace.display.graph.model import state_in
from headrace.display.outcomes import duration
from headrace.display.runs.changes import counted
from headrace.display.shortening import shortened
from headrace.display.verdicts import number
from headrace.ui import links
from headrace.ui.filters import FILTERS
from headrace.ui.site import site_of

TEMPLATES = Path(__file__).parent / "templates"

NAVIGATION = (("Runs", links.RUNS), ("Models", links.MODELS))
"""The links at the top of each page: title and address. A page is below the longest that fits."""


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Returns the page that a template makes.

    Args:
        request: The request; templates know it as `request`, and its site as `site`.
        template: Name of a file in `templates/`.
        status: The status of the response.
        values: What the template shows.
    """
    text = fragment(template, request=request, site=site_of(request), **values)
    # A record may have halves of letters, which no file can hold.
    return HTMLResponse(text.encode("utf-8", "replace"), status)


def fragment(template: str, **values: Any) -> Markup:
    """Returns a part of a page, which other templates take as it is."""
    return Markup(_environment().get_template(template).render(values))


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,  # for all names of files: whatever a run holds may be hostile
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "as_text": as_text,
        "change": lambda value: ("+" if value >= 0 else "") + number(value),
        "clock": clock,
        "counted": counted,
        "duration": lambda seconds: "" if seconds is None else duration(seconds),
        "ident": ident,
        "iso": iso,
        "number": lambda value: "" if value is None else number(value),
        "removeprefix": str.removeprefix,
        "shortened": shortened,
    }
    environment.filters |= FILTERS
    environment.globals |= {
        "links": links,
        "navigation": NAVIGATION,
        "section_of": section_of,
        "sign": sign,
        "state_class": state_class,
        "state_in": state_in,
    }
    return environment


def section_of(path: str) -> str:
    """Returns the address of the navigation's entry that a page is below; empty for none."""
    below = [link for _, link in NAVIGATION if link != "/" and f"{path}/".startswith(f"{link}/")]
    is_run = path == links.RUNS or path.startswith(("/runs/", "/compare"))
    return max(below, key=len, default=links.RUNS if is_run else "")


_CLASSES = {
    "good": ("succeeded", "complete", "done", "cached"),
    "bad": ("failed",),
    "busy": ("running",),
    "warn": ("interrupted", "cancelled", "canceled", "cancelling", "paused"),
}


def state_class(state: str) -> str:
    """Returns the class of a state in the style: good, bad, busy, warn or idle."""
    return next((name for name, states in _CLASSES.items() if state in states), "idle")


_SIGNS = {"good": "✓", "bad": "✕", "busy": "●", "warn": "!"}


def sign(state: str) -> str:
    """Returns the sign before the name of what is in a state: colours alone say nothing to some."""
    return _SIGNS.get(state_class(state), "○")


def ident(text: str) -> str:
    """Returns an ID for an element, from any text."""
    return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def as_text(value: Any) -> str:
    """Returns the value of a parameter for people; empty for None."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def clock(time: datetime | str | None) -> str:
    """Returns a time for people, in the time zone of this machine; empty for None."""
    found = _time(time)
    return f"{found.astimezone():%Y-%m-%d %H:%M:%S}" if found else str(time or "")


def iso(time: datetime | str | None) -> str:
    """Returns a time for `<time datetime>`, in UTC; empty for None."""
    found = _time(time)
    return f"{found.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if found else ""


def _time(time: datetime | str | None) -> datetime | None:
    if not isinstance(time, str):
        return time
    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
