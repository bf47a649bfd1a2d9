"""Watches a run until it is over."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from headrace.backends.local.progress import ProgressDisplay
from headrace.backends.remote.model import ENDED, Remote, Run, Task

# Short tasks are seen to start and end; a run of a day is not asked for ten thousand times.
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0


def watch(
    remote: Remote, run_id: str, display: ProgressDisplay, pause_seconds: float | None = None
) -> Run:
    """Shows what happens in a run, and returns it when it is over.

    Args:
        remote: The service that runs it.
        run_id: The run.
        display: Is told what happens.
        pause_seconds: How long to wait between two looks; None for 1 s at first and 10 s later.

    Raises:
        InputError: There is no such run.
        PlatformError: The service cannot be asked. The run goes on.
    """
    run = remote.describe(run_id)
    display.run_started(run.id, [task.name for task in run.tasks], seconds=run.seconds)
    seen: dict[str, Task] = {}
    for pause in _pauses(pause_seconds):
        for task in run.tasks:
            _tell(task, seen.get(task.name), display)
            seen[task.name] = task
        if run.is_over:
            break
        time.sleep(pause)
        run = remote.describe(run_id)
    display.run_finished(_outcome(run))
    return run


def _tell(task: Task, before: Task | None, display: ProgressDisplay) -> None:
    state = before.state if before else "waiting"
    if task.state == "running" and state == "waiting":
        display.task_started(task.name, seconds=task.seconds)
    if task.log and not (before and before.log == task.log):
        display.log(f"{task.name}: log at {task.log}")
    if task.state in ENDED and state not in ENDED:
        display.task_finished(task.name, task.state, task.seconds, None)


def _pauses(fixed: float | None) -> Iterator[float]:
    pause = _FIRST_PAUSE_SECONDS if fixed is None else fixed
    while True:
        yield pause
        if fixed is None:
            pause = min(pause * 1.2, _LONGEST_PAUSE_SECONDS)


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


def _outcome(run: Run) -> _Outcome:
    failures = [
        _Failure(task=task.name, message=task.message, log=task.log or None)
        for task in run.tasks
        if task.state == "failed"
    ]
    # A run may fail before its first task, as when its service account does not exist.
    if run.state == "failed" and not failures:
        failures = [_Failure(task=run.id, message=run.message, log=None)]
    return _Outcome(run_id=run.id, state=run.state, seconds=run.seconds, failures=tuple(failures))
