"""Watches a run until it is over."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

from headrace.contract.service import ENDED, ContactLostError, Runs, ServiceRun, ServiceTask
from headrace.display.progress import ProgressDisplay
from headrace.lineage.summaries import RunSummary
from headrace_components.contract.patience import growing, patiently, until

PATIENCE_SECONDS = 600.0
"""How long requests are repeated if a service does not answer; its restart takes minutes."""

# Short tasks are seen to start and end; a run of a day is not asked for ten thousand times.
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Watching:
    """How a run is watched.

    Attributes:
        pause_seconds: How long to wait between two looks; None for 1 s at first and 10 s later.
        pending_timeout_seconds: How long a task may wait for its pod or machine before the run is
            cancelled; None for no limit.
        logs_command: Command that prints the log of a task whose name is appended; empty for none.
    """

    pause_seconds: float | None = None
    pending_timeout_seconds: float | None = None
    logs_command: str = ""


def watch(runs: Runs, run_id: str, display: ProgressDisplay, how: Watching) -> ServiceRun:
    """Shows the events of a run, and returns the run when it has ended.

    Args:
        runs: The runs that it is one of.
        run_id: The run.
        display: Shows the events.
        how: How often to look, and how long to wait.

    Raises:
        InputError: The run does not exist.
        ContactLostError: The service did not answer for ten minutes. The run goes on.
        PlatformError: The service refuses the request. The run goes on.
    """
    run = described(runs, run_id, display.log)
    display.run_started(run.id, [task.name for task in run.tasks], seconds=run.seconds)
    seen: dict[str, ServiceTask] = {}
    shown: set[tuple[str, str]] = set()
    ended_for: ServiceTask | None = None
    for pause in pauses(how.pause_seconds):
        for task in run.tasks:
            _show_changes(task, seen.get(task.name), shown, display)
            seen[task.name] = task
        if run.is_over:
            break
        if ended_for is None and (stuck := _waits_too_long(run, how)) is not None:
            with contextlib.suppress(ContactLostError):  # it is asked again at the next look
                runs.cancel(run_id)
                ended_for = stuck
                display.log(
                    f"{stuck.name}: it has waited longer than `pending_timeout` of the profile. "
                    "The run is being cancelled."
                )
        time.sleep(pause)
        run = described(runs, run_id, display.log)
    display.run_finished(_outcome(run, how, ended_for))
    return run


def described(runs: Runs, run_id: str, notify: Callable[[str], None]) -> ServiceRun:
    """Returns a run; repeats the request for ten minutes if the service does not answer.

    Args:
        runs: The runs that it is one of.
        run_id: The run.
        notify: Is called when contact is lost, and when it is back.

    Raises:
        ContactLostError: The service did not answer. The run goes on.
    """
    started = time.monotonic()
    is_lost = False

    def lost(error: ContactLostError, _: float) -> None:
        nonlocal is_lost
        if not is_lost:
            minutes = f"{PATIENCE_SECONDS / 60:g} minutes"
            notify(f"{error} It is asked again for {minutes}; the run goes on.")
        is_lost = True

    run = patiently(
        lambda: runs.describe(run_id),
        errors=ContactLostError,
        waits=until(started + PATIENCE_SECONDS, pauses(None)),
        before_wait=lost,
    )
    if is_lost:
        notify(f"It answers again, after {time.monotonic() - started:.0f} s.")
    return run


def _waits_too_long(run: ServiceRun, how: Watching) -> ServiceTask | None:
    limit = how.pending_timeout_seconds
    if limit is None or run.state == "cancelling":
        return None
    return next((task for task in run.tasks if task.pending_seconds >= limit), None)


def _show_changes(
    task: ServiceTask,
    before: ServiceTask | None,
    shown: set[tuple[str, str]],
    display: ProgressDisplay,
) -> None:
    state = before.state if before else "waiting"
    if task.state == "running" and state == "waiting":
        display.task_started(task.name, seconds=task.seconds)
    # A file on this machine has no news for people: they ask for it with `headrace logs`.
    if "://" in task.log and not (before and before.log == task.log):
        display.log(f"{task.name}: log at {task.log}")
    # A pod that cannot start may go back and forth between two reasons, for hours.
    if task.state not in ENDED and task.message and (task.name, task.message) not in shown:
        shown.add((task.name, task.message))
        display.log(f"{task.name}: {task.message}")
    if state not in ENDED:
        for notice in task.notices:
            if (task.name, notice) not in shown:
                shown.add((task.name, notice))
                display.log(f"{task.name}: {notice}")
    if task.state in ENDED and state not in ENDED:
        display.task_finished(task.name, task.state, task.seconds, task.reason or None)


def pauses(fixed: float | None) -> Iterator[float]:
    """Returns how long to wait before each look, in seconds: `fixed`, or longer and longer."""
    if fixed is not None:
        return repeat(fixed)
    return growing(_FIRST_PAUSE_SECONDS, 1.2, _LONGEST_PAUSE_SECONDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failure:
    task: str
    message: str
    log: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outcome:
    run_id: str
    state: str
    seconds: float
    failures: tuple[_Failure, ...]
    summary: RunSummary


def _outcome(run: ServiceRun, how: Watching, ended_for: ServiceTask | None) -> _Outcome:
    failures = [
        _Failure(
            task=task.name,
            message=task.message,
            log=task.log or (how.logs_command and f"{how.logs_command} {task.name}") or None,
        )
        for task in run.tasks
        if task.state == "failed"
    ]
    # A run may fail before its first task, for example if its service account does not exist.
    if run.state == "failed" and not failures:
        failures = [_Failure(task=run.id, message=run.message, log=None)]
    if ended_for is not None and run.state == "cancelled":
        failures.append(_Failure(task=ended_for.name, message=ended_for.message, log=None))
    return _Outcome(
        run_id=run.id,
        state=run.state,
        seconds=run.seconds,
        failures=tuple(failures),
        summary=run.summary,
    )
