"""What the displays of a run show of its end, and how they write durations."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from headrace.lineage.summaries import RunSummary


class FailedTask(Protocol):
    """Why a task failed, and the place of its log: a file or a link."""

    @property
    def task(self) -> str:
        """Its path within the pipeline."""

    @property
    def message(self) -> str:
        """The reason, for people."""

    @property
    def log(self) -> Path | str | None:
        """Its log, if there is one."""


class RunOutcome(Protocol):
    """How a run ended, on this machine or elsewhere."""

    @property
    def run_id(self) -> str:
        """The run."""

    @property
    def state(self) -> str:
        """`succeeded`, or another word."""

    @property
    def seconds(self) -> float:
        """Wall time."""

    @property
    def summary(self) -> RunSummary:
        """What its tasks found out."""

    @property
    def failures(self) -> Sequence[FailedTask]:
        """The tasks that failed."""


def duration(seconds: float) -> str:
    """Returns seconds as people read them: 4.2s, 3m 05s, 2h 05m."""
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"


def utc(time: datetime | None) -> str:
    """Returns a time for a table, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if time else "-"
