"""HTML pages that tasks made: which there are, and each as a document of its own."""

import stat
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from headrace.contract.service import ServiceRun, ServiceTask
from headrace.ui.access import FRAME_POLICY
from headrace.ui.site import Site, site_of

_TYPE = "system.HTML"
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRef:
    """An HTML page that a task made.

    Attributes:
        task: The task.
        port: The output that it is.
        index: Its number among the artifacts of the output.
        uri: Where it is.
        is_here: Whether this server may show it: a file under the root.
    """

    task: str
    port: str
    index: int
    uri: str
    is_here: bool


def reports_of(site: Site, task: ServiceTask) -> list[ReportRef]:
    """Returns the reports of a task."""
    return [
        ReportRef(
            task=task.name,
            port=port,
            index=index,
            uri=artifact.uri,
            is_here=file_under(site.root, artifact.uri) is not None,
        )
        for port, artifacts in task.outputs.items()
        for index, artifact in enumerate(artifacts)
        if artifact.type == _TYPE
    ]


def show_report(request: Request) -> Response:
    """Returns a report, under the policy of documents that a run made."""
    site = site_of(request)
    run = site.runs().describe(request.path_params["run_id"])
    task = task_of(run, request.path_params["task"])
    port, index = request.query_params.get("port", ""), request.query_params.get("index", "0")
    for report in reports_of(site, task):
        if (report.port, str(report.index)) == (port, index):
            file = file_under(site.root, report.uri)
            if file is None:
                break
            if file.stat().st_size > _MAX_BYTES:
                raise HTTPException(413, f"{file} is too large for a page. Open it by itself.")
            return HTMLResponse(
                file.read_bytes(), headers={"content-security-policy": FRAME_POLICY}
            )
    raise HTTPException(404)


def task_of(run: ServiceRun, name: str) -> ServiceTask:
    """Returns a task of a run. Raises HTTPException if there is none with that name."""
    for task in run.tasks:
        if task.name == name:
            return task
    raise HTTPException(404)


def file_under(root: Path, uri: str) -> Path | None:
    """Returns the file that a record names if it is one under the root; else None.

    A record may be of another machine, or hostile: links are followed before the place is
    compared, and what is no plain file is not opened.
    """
    try:
        path = Path(uri)
        if not path.is_absolute():
            return None
        file = path.resolve(strict=True)
        is_file = stat.S_ISREG(file.stat().st_mode)
        return file if is_file and file.is_relative_to(root.resolve()) else None
    except (OSError, ValueError, RuntimeError):  # a circle of links; a zero in the name
        return None
