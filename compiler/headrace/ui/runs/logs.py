"""The log of a task, in pieces: a log may be larger than a browser can show."""

import re
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from headrace.contract.service import ENDED, ServiceRun, ServiceTask
from headrace.ui.rendering import page
from headrace.ui.runs.reports import file_under, task_of
from headrace.ui.site import Site, site_of

_PIECE_BYTES = 48 * 1024
_WHOLE_BYTES = 256 * 2**20

# What terminals take as orders: colours, the title of the window, the place of the cursor.
_ORDERS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPiece:
    """A part of a log.

    Attributes:
        text: Whole lines, unless one is longer than a piece.
        start: Where it begins, in bytes.
        end: Where it ends.
        is_live: Whether more may follow.
    """

    text: str
    start: int
    end: int
    is_live: bool


def last_piece(site: Site, run: ServiceRun, task: ServiceTask) -> LogPiece | None:
    """Returns the end of a task's log; None if it has none that is read here."""
    source = _LogSource.of(site, run, task)
    if source is None:
        return None
    return _piece(source, max(0, source.size - _PIECE_BYTES), source.size, task)


def show_piece(request: Request) -> Response:
    """Returns a piece of a log for htmx: what came since `after`, or what is before `before`."""
    site, run, task = _asked(request)
    source = _LogSource.of(site, run, task)
    if source is None:
        raise HTTPException(404)
    after, before = (_number(request, name) for name in ("after", "before"))
    if before is not None:
        end = min(before, source.size)
        piece = _piece(source, max(0, end - _PIECE_BYTES), end, task)
        return page(request, "runs/log_before.html", run=run, task=task, piece=piece)
    start = after or 0
    if start > source.size:  # the task was started again, with a new log
        start = 0
    if start == source.size and task.state not in ENDED:
        return Response(status_code=204)
    # A log that grows faster than the page asks: the page catches up with the next questions.
    end = min(source.size, start + _PIECE_BYTES)
    piece = _piece(source, start, end, task, is_from_line=True)
    return page(request, "runs/log_after.html", run=run, task=task, piece=piece)


def show_log(request: Request) -> Response:
    """Returns the log as plain text, its end if it is very large."""
    site, run, task = _asked(request)
    source = _LogSource.of(site, run, task)
    if source is None:
        raise HTTPException(404)
    return PlainTextResponse(source.read(max(0, source.size - _WHOLE_BYTES), source.size))


def _asked(request: Request) -> tuple[Site, ServiceRun, ServiceTask]:
    site = site_of(request)
    run = site.runs().describe(request.path_params["run_id"])
    return site, run, task_of(run, request.path_params["task"])


@dataclass(frozen=True, kw_only=True, slots=True)
class _LogSource:
    """Where a log is read: a file under the root, or what a service answered."""

    file: Path | None
    answer: bytes
    size: int

    @classmethod
    def of(cls, site: Site, run: ServiceRun, task: ServiceTask) -> "_LogSource | None":
        file = file_under(site.root, task.log) if task.log else None
        if file is not None:
            return cls(file=file, answer=b"", size=file.stat().st_size)
        text = site.runs().log(run.id, task.name) if site.is_of_service else None
        if text is None:
            return None
        answer = text.encode("utf-8", "replace")
        return cls(file=None, answer=answer, size=len(answer))

    def read(self, start: int, end: int) -> bytes:
        if self.file is None:
            return self.answer[start:end]
        with self.file.open("rb") as stream:
            stream.seek(start)
            return stream.read(end - start)


def _piece(
    source: _LogSource, start: int, end: int, task: ServiceTask, *, is_from_line: bool = False
) -> LogPiece:
    """Returns a piece that begins and ends with whole lines, if they are not longer than it."""
    data = source.read(start, end)
    if start > 0 and not is_from_line:
        newline = data.find(b"\n") + 1
        data, start = data[newline:], start + newline
    is_live = task.state not in ENDED
    if is_live or start + len(data) < source.size:
        newline = data.rfind(b"\n") + 1
        data = data[:newline] if newline else data
    return LogPiece(
        text=_for_people(data.decode("utf-8", "replace")),
        start=start,
        end=start + len(data),
        is_live=is_live or start + len(data) < source.size,
    )


def _for_people(text: str) -> str:
    """Returns a log without orders to a terminal; of a line that was drawn again, the last form."""
    plain = _ORDERS.sub("", text).replace("\r\n", "\n")
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "\n".join(lines))


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 16 else None
