"""Shows a run while it runs: a live display on a terminal, one line an event elsewhere."""

import contextlib
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, OverflowMethod, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from headrace.display.outcomes import FailedTask, RunOutcome, duration
from headrace.display.verdicts import summary_lines
from headrace_components.contract.notices import NAME as NOTICE
from headrace_components.contract.progress import Progress

_STYLES = {
    "done": "green",
    "cached": "cyan",
    "skipped": "yellow",
    "cancelled": "yellow",
    "failed": "bold red",
}

_REFRESHES_PER_SECOND = 8
# Lines of a terminal that are kept free of running tasks, for the text above them.
_LINES_ABOVE = 6
_NAME_WIDTH = 32
_MIN_PROGRESS_WIDTH = 20
# How often a task that runs gets a line where there is no terminal.
_LINE_SECONDS = 30.0


class ProgressDisplay:
    """An observer that shows people the events of a run.

    A finished task leaves a line: when it ended, counted from the start of the run, its name, how
    it ended and how long it took, for example `12.3s  transform  done  4.2s`. A terminal also shows
    the running tasks. The reasons of failed tasks come last, once, each with its log. Use it as a
    context manager: it restores the terminal at the end in every case.
    """

    def __init__(self, console: Console | None = None, *, is_verbose: bool = False) -> None:
        """Prepares the display.

        Args:
            is_verbose: Whether to print the lines of the tasks' logs as they come.
            console: Where to print; standard error by default, so that standard output only has
                results.
        """
        self._console = console or Console(stderr=True, highlight=False)
        self._live: Live | None = None
        # The live display redraws in its own thread.
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._is_verbose = is_verbose
        self._waiting: set[str] = set()
        self._progress: dict[str, str] = {}
        self._next_line: dict[str, float] = {}
        self._running: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._name_width = 0
        ascii_only = self._console.options.ascii_only
        self._spinner = Spinner("line" if ascii_only else "dots", style="blue")
        # The ellipsis is a character that not every terminal has.
        self._overflow: OverflowMethod = "crop" if ascii_only else "ellipsis"

    def __enter__(self) -> Self:
        """Returns the display; it begins with `run_started`."""
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Gives the terminal back."""
        self._stop()

    def run_started(self, run_id: str, tasks: Sequence[str], *, seconds: float = 0.0) -> None:
        """Prints the run's id and begins the live display, if there is a terminal.

        Args:
            run_id: The run.
            tasks: Those that are known by now.
            seconds: How long ago it started.
        """
        with self._lock:
            self._start = time.monotonic() - seconds
            self._waiting = set(tasks)
        self._name_width = min(_NAME_WIDTH, max(map(len, tasks), default=0))
        self._print(Text(f"Run {run_id}: {_number(len(tasks), 'task')}"))
        # A dumb terminal cannot move its cursor; Rich counts it as not interactive.
        if self._console.is_interactive:
            self._live = Live(
                console=self._console,
                get_renderable=self._running_tasks,
                refresh_per_second=_REFRESHES_PER_SECOND,
                transient=True,
            )
            with contextlib.suppress(OSError):
                self._live.start()

    def task_started(self, name: str, *, seconds: float = 0.0) -> None:
        """Shows a task as running that started some seconds ago."""
        with self._lock:
            self._waiting.discard(name)
            self._running[name] = time.monotonic() - seconds
        if self._live is None:
            self._print(self._event(name, Text("started")))

    def task_finished(self, name: str, state: str, seconds: float, reason: str | None) -> None:
        """Prints how the task ended; a failure's reason waits for the end of the run."""
        with self._lock:
            self._waiting.discard(name)
            self._running.pop(name, None)
            self._progress.pop(name, None)
            self._counts[state] = self._counts.get(state, 0) + 1
        detail = Text(state, style=_STYLES[state])
        if state == "skipped":
            detail.append(f"  {reason}" if reason else "", style="default")
        else:
            detail.append(f"  {duration(seconds)}", style="default")
        self._print(self._event(name, detail))

    def task_progressed(self, name: str, progress: Progress) -> None:
        """Shows how far a running task is; elsewhere than on a terminal from time to time."""
        share = "" if progress.share is None else f"{progress.share:.0%}"
        with self._lock:
            self._progress[name] = f"{share} {progress.text}".strip()
            now = time.monotonic()
            is_due = now >= self._next_line.setdefault(name, now + _LINE_SECONDS)
            if is_due:
                self._next_line[name] = now + _LINE_SECONDS
        if self._live is None and is_due:
            self._print(self._event(name, Text(progress.text)))

    def task_said(self, name: str, line: str) -> None:
        """Prints a line of a task's log if that is wanted."""
        # A notice is printed anyway.
        if self._is_verbose and not line.startswith(f"{NOTICE} "):
            # A log may have commands to a terminal.
            text = "".join(each if each.isprintable() else " " for each in line.expandtabs())
            self._print(Text.assemble((f"{name}: ", "dim"), text))

    def log(self, line: str) -> None:
        """Prints a line above the running tasks."""
        self._print(Text(line))

    def run_finished(self, result: RunOutcome) -> None:
        """Prints the outcome and its verdicts; at the end the failed tasks with their reasons."""
        self._stop()
        style = "green" if result.state == "succeeded" else "bold red"
        summary = Text(f"Run {result.run_id} ")
        summary.append(result.state, style=style)
        summary.append(f" in {duration(result.seconds)}")
        counts = self._count_words()
        self._print(summary.append(f": {counts}" if counts else ""))
        lines = summary_lines(result.summary, ascii_only=self._console.options.ascii_only)
        for line in lines:
            self._print(line)
        for failure in result.failures:
            self._print_failure(failure)

    def _print_failure(self, failure: FailedTask) -> None:
        self._print(Text())
        self._print(Text.assemble((failure.task, "bold red"), " failed:"))
        self._print(Text(failure.message))
        if failure.log is not None:
            self._print(Text(f"Its log: {failure.log}"))

    def _event(self, name: str, detail: Text) -> Text:
        elapsed = duration(time.monotonic() - self._start)
        # The state must stay visible on a narrow terminal, so the name gives way.
        room = self._console.width - 8 - 2 - 2 - detail.cell_len
        shown = Text(name)
        if self._console.is_terminal:
            shown.truncate(max(8, room), overflow=self._overflow)
        shown.pad_right(max(0, min(self._name_width, room) - shown.cell_len))
        return Text.assemble((f"{elapsed:>8}", "dim"), "  ", shown, "  ", detail)

    def _print(self, text: Text) -> None:
        # Do not break lines: a path must stay in one piece when it is copied from a terminal, and a
        # line must stay a line in a file. A run goes on if nothing can be printed, for example on a
        # full disk or a terminal that was closed.
        with contextlib.suppress(OSError):
            self._console.print(text, soft_wrap=True)

    def _running_tasks(self) -> Group:
        """Returns the current content of the live display. Called by its thread."""
        now = time.monotonic()
        with self._lock:
            running = [(name, now - since) for name, since in self._running.items()]
            told = dict(self._progress)
            counts = self._count_words(to_go=len(self._waiting))
        room = max(1, self._console.height - _LINES_ABOVE)
        widest = max(8, self._console.width - 12)  # beside the spinner and the time
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=1)
        table.add_column(
            min_width=min(self._name_width, widest),
            max_width=widest,
            no_wrap=True,
            overflow=self._overflow,
        )
        table.add_column(min_width=9, no_wrap=True, justify="right")
        # Names and times come first; how far the tasks are needs the rest of a wide terminal.
        rest = self._console.width - 12 - max((len(name) for name, _ in running), default=0) - 1
        for name, seconds in running[:room]:
            row: list[RenderableType] = [self._spinner, Text(name), Text(duration(seconds))]
            text = Text(told.get(name, ""))
            if rest >= _MIN_PROGRESS_WIDTH and text:
                text.truncate(rest, overflow=self._overflow)
                row.append(text)
            table.add_row(*row)
        more = [Text(f"  and {len(running) - room} more")] if len(running) > room else []
        total = Text(
            f"{duration(now - self._start):>8}  {counts}",
            style="dim",
            no_wrap=True,
            overflow=self._overflow,
        )
        return Group(table, *more, total)

    def _count_words(self, to_go: int = 0) -> str:
        words = [f"{count} {state}" for state, count in self._counts.items()]
        if self._running:
            words.append(f"{len(self._running)} running")
        if to_go:
            words.append(f"{to_go} to go")
        return ", ".join(words)

    def _stop(self) -> None:
        if self._live is not None:
            with contextlib.suppress(OSError):
                self._live.stop()
            self._live = None


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
