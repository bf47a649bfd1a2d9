"""The events of a run while it goes on."""

from collections.abc import Sequence
from typing import Protocol

from headrace.targets.local.shared.results import RunResult, TaskState
from headrace_components.contract.progress import Progress


class Observer(Protocol):
    """Gets the events, in their order, in one thread."""

    def run_started(self, run_id: str, tasks: Sequence[str]) -> None:
        """A run starts; `tasks` are those known by now, in the order in which they may run."""

    def task_started(self, name: str) -> None:
        """A task starts. One inside a loop is heard of here for the first time."""

    def task_finished(
        self, name: str, state: TaskState, seconds: float, reason: str | None
    ) -> None:
        """A task ended, or was not needed, or could not run."""

    def task_progressed(self, name: str, progress: Progress) -> None:
        """A running task says how far it is."""

    def task_said(self, name: str, line: str) -> None:
        """A running task wrote a line to its log."""

    def log(self, line: str) -> None:
        """Another line to print."""

    def run_finished(self, result: RunResult) -> None:
        """The run ended."""


class Silence:
    """An observer that does nothing."""

    def run_started(self, run_id: str, tasks: Sequence[str]) -> None:
        """Does nothing."""

    def task_started(self, name: str) -> None:
        """Does nothing."""

    def task_finished(
        self, name: str, state: TaskState, seconds: float, reason: str | None
    ) -> None:
        """Does nothing."""

    def task_progressed(self, name: str, progress: Progress) -> None:
        """Does nothing."""

    def task_said(self, name: str, line: str) -> None:
        """Does nothing."""

    def log(self, line: str) -> None:
        """Does nothing."""

    def run_finished(self, result: RunResult) -> None:
        """Does nothing."""
