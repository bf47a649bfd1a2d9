"""Shows a run in the output of a notebook's cell, and what came of it."""

import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from headrace.display.outcomes import FailedTask, RunOutcome, duration
from headrace_components.contract.progress import Progress
from headrace_components.library.reports.frames import frame
from headrace_components.library.reports.markup import Markup, element, join
from headrace_components.library.reports.page import with_origin

_REFRESH_SECONDS = 2.0
_MOST_LINES = 12

# Background and text, readable in a light and in a dark notebook.
_COLOURS = {
    "done": ("#116329", "#ffffff"),
    "succeeded": ("#116329", "#ffffff"),
    "cached": ("#0a5cc2", "#ffffff"),
    "running": ("#57606a", "#ffffff"),
    "failed": ("#a40e26", "#ffffff"),
}
_OTHER_COLOUR = ("#7a4a00", "#ffffff")
_CELL = "text-align:left;padding:2px 14px 2px 0;border:0;background:none"


class FinishedRun(RunOutcome, Protocol):
    """A run on this machine that is over."""

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""

    @property
    def directory(self) -> Path:
        """Where it keeps its outputs."""

    @property
    def reports(self) -> Sequence[str]:
        """The paths of its report pages."""

    @property
    def pushed_models(self) -> Sequence[str]:
        """The paths of the models that it pushed."""


def in_notebook() -> bool:
    """Returns whether this code runs in the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class NotebookProgress:
    """An observer whose display in the cell is renewed as the run goes on."""

    def __init__(self, *, has_title: bool = True, says_why: bool = True) -> None:
        """Prepares the display; it begins with `run_started`.

        Args:
            has_title: Whether the run's name and state stand above the tasks.
            says_why: Whether to show why a task failed; False if an exception will say it.
        """
        self._has_title, self._says_why = has_title, says_why
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[str, str]] = {}
        self._running: dict[str, float] = {}
        self._progress: dict[str, str] = {}
        self._num_tasks = 0
        self._title = ""
        self._lines: list[str] = []
        self._failures: Sequence[FailedTask] = ()
        self._handle: Any = None
        self._over = threading.Event()

    def run_started(self, run_id: str, tasks: Sequence[str]) -> None:
        """Shows the run, and looks at the clock from time to time until it is over."""
        self._num_tasks = len(tasks)
        self._title = f"Run {run_id}"
        self._show()
        threading.Thread(target=self._renew, daemon=True).start()

    def task_started(self, name: str) -> None:
        """Shows a task as running."""
        with self._lock:
            self._running[name] = time.monotonic()
        self._show()

    def task_finished(self, name: str, state: str, seconds: float, reason: str | None) -> None:
        """Shows how a task ended."""
        with self._lock:
            self._running.pop(name, None)
            is_skipped = state == "skipped"
            self._rows[name] = (state, (reason or "") if is_skipped else duration(seconds))
        self._show()

    def task_progressed(self, name: str, progress: Progress) -> None:
        """Shows how far a running task is."""
        with self._lock:
            self._progress[name] = progress.text

    def task_said(self, name: str, line: str) -> None:
        """Does nothing: the log of a task is in its file."""

    def log(self, line: str) -> None:
        """Shows a line below the tasks."""
        with self._lock:
            self._lines.append(line)
        if self._handle is not None:
            self._show()

    def run_finished(self, result: RunOutcome) -> None:
        """Shows how the run ended, and why tasks failed."""
        self._over.set()
        self._title += f" {result.state} in {duration(result.seconds)}"
        self._failures = result.failures if self._says_why else ()
        self._show()

    def _renew(self) -> None:
        while not self._over.wait(_REFRESH_SECONDS):
            if self._running:
                self._show()

    def _show(self) -> None:
        from IPython.display import display

        with self._lock:
            content = {"text/html": self._html(), "text/plain": self._text()}
            if self._handle is None:
                self._handle = display(content, raw=True, display_id=True)
            else:
                self._handle.update(content, raw=True)

    def _states(self) -> list[tuple[str, str, str]]:
        now = time.monotonic()
        running = [
            (name, "running", f"{duration(now - since)}  {self._progress.get(name, '')}".strip())
            for name, since in self._running.items()
        ]
        return [(name, *row) for name, row in self._rows.items()] + running

    def _html(self) -> str:
        rows = [
            element(
                "tr",
                element("td", name, style=_CELL),
                element("td", badge(state), style=_CELL),
                element("td", detail, style=_CELL),
            )
            for name, state, detail in self._states()
        ]
        to_go = self._num_tasks - len(rows)
        title = f"{self._title}, {to_go} to go" if to_go > 0 else self._title
        above = [element("div", title)] if self._has_title else []
        return element(
            "div",
            *above,
            element("table", *rows, style="border:0;margin:4px 0"),
            *(element("div", line, style="opacity:.75") for line in self._lines[-_MOST_LINES:]),
            failures_html(self._failures),
        )

    def _text(self) -> str:
        states = [f"{name}  {state}  {detail}" for name, state, detail in self._states()]
        failed = [f"{each.task}: {each.message}" for each in self._failures]
        title = [self._title] if self._has_title else []
        return "\n".join([*title, *states, *self._lines[-_MOST_LINES:], *failed])


def failures_html(failures: Sequence[FailedTask]) -> Markup:
    """Returns why tasks failed, each with its log."""
    parts = []
    for each in failures:
        log = [element("div", f"Its log: {each.log}", style="opacity:.75")] if each.log else []
        name = element("strong", each.task)
        message = element("div", each.message, style="white-space:pre-wrap")
        parts.append(
            element(
                "div",
                element("div", name, " failed:"),
                message,
                *log,
                style="border-left:4px solid #a40e26;padding:2px 10px;margin:6px 0",
            )
        )
    return join(*parts)


def result_html(result: FinishedRun) -> str:
    """Returns how a run ended, its reports (to be opened), and where its outputs are."""
    origin = f"Pipeline {result.pipeline}, run {result.run_id}"
    reports = [
        element(
            "details",
            element("summary", f"Report: {path.parent.name}", style="cursor:pointer"),
            frame(with_origin(path.read_bytes(), origin), f"The report of {path.parent.name}"),
        )
        for path in map(Path, result.reports)
        if path.is_file()
    ]
    pushed = [element("div", f"Pushed model: {model}") for model in result.pushed_models]
    return element(
        "div",
        element(
            "div",
            badge(result.state),
            f" {result.pipeline}, run {result.run_id}, in {duration(result.seconds)}",
        ),
        failures_html(result.failures),
        *pushed,
        *reports,
        element("div", f"Outputs: {result.directory}", style="opacity:.75"),
    )


def badge(state: str) -> Markup:
    """Returns the state of a task or a run as a small label."""
    page, text = _COLOURS.get(state, _OTHER_COLOUR)
    return element(
        "span",
        state,
        style=f"background:{page};color:{text};border-radius:999px;padding:0 9px;font-size:.9em",
    )
