"""Tables for notebooks: lists of runs, the tasks of a run, artifacts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from headrace.contract.service import ServiceRun, ServiceTask
from headrace.display.notebook import badge
from headrace.display.outcomes import duration
from headrace.display.runs.tables import list_rows
from headrace_components.library.reports.frames import frame
from headrace_components.library.reports.markup import Markup, element, shortened

_CELL = "text-align:left;padding:2px 14px 2px 0;border:0;background:none;vertical-align:top"
_PAGE_TYPES = ("system.HTML",)
_MOST_CHARACTERS = 2_000


class ShownArtifact(Protocol):
    """An artifact of a run."""

    @property
    def type(self) -> str:
        """Schema title."""

    @property
    def uri(self) -> str:
        """Where it is."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its properties."""


def runs_html(runs: Sequence[ServiceRun]) -> str:
    """Returns a table of runs, the newest first as they come."""
    if not runs:
        return element("div", "No runs.")
    heading, *rows = list_rows(runs)
    at = heading.index("STATE")
    cells = [[*row[:at], badge(row[at]), *row[at + 1 :]] for row in rows]
    return _table([name.capitalize() for name in heading], cells)


def run_html(run: ServiceRun) -> str:
    """Returns the state of a run and of its tasks."""
    page = [element("div", element("a", "Its page", href=run.link))] if _is_link(run.link) else []
    message = [element("div", run.message, style="white-space:pre-wrap")] if run.message else []
    rows = [(each.name, badge(each.state), _took(each), each.message) for each in run.tasks]
    tasks = [_table(("Task", "State", "Took", ""), rows)] if rows else []
    head = element("div", badge(run.state), f" {run.name}, run {run.id}")
    return element("div", head, *page, *message, *tasks)


def artifact_html(artifact: ShownArtifact) -> str:
    """Returns what a notebook shows of an artifact: a page as it is, otherwise its properties."""
    file = Path(artifact.uri)
    if artifact.type in _PAGE_TYPES and file.is_file():
        return frame(file.read_bytes(), f"The page {file.name}")
    rows = [("uri", artifact.uri), *((name, _text(v)) for name, v in artifact.metadata.items())]
    cells = [(element("strong", name), value) for name, value in rows]
    return element("div", element("div", artifact.type), _table((), cells))


def outputs_html(
    name: str,
    state: str,
    artifacts: Mapping[str, Sequence[ShownArtifact]],
    values: Mapping[str, Any],
) -> str:
    """Returns what a task made: its artifacts, to be opened, and its output parameters."""
    opened = [
        element(
            "details",
            element("summary", f"{port}: {artifact.type}", style="cursor:pointer"),
            Markup(artifact_html(artifact)),
        )
        for port, found in artifacts.items()
        for artifact in found
    ]
    table = [_table((), [(port, _text(value)) for port, value in values.items()])] if values else []
    return element("div", element("div", name, " ", badge(state)), *opened, *table)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    head = [element("tr", *(element("th", name, style=_CELL) for name in names))] if names else []
    body = (element("tr", *(element("td", cell, style=_CELL) for cell in row)) for row in rows)
    return element("table", *head, *body, style="border:0;margin:4px 0")


def _took(task: ServiceTask) -> str:
    return "" if task.state == "waiting" else duration(task.seconds)


def _is_link(link: str) -> bool:
    return link.startswith(("https://", "http://"))


def _text(value: Any) -> str:
    return shortened(str(value), _MOST_CHARACTERS)
