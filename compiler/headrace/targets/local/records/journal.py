"""How the tasks of a run went: `tasks.jsonl`, one JSON object a line, also while the run goes on.

    {"time", "tasks": [names]}                        the run starts, or is resumed
    {"time", "task", "state": "running", "component", "log", "parameters", "inputs"}
    {"time", "task", "state": "again", "message"}     an attempt failed, another one follows
    {"time", "task", "state", "seconds", "reason", "values", "outputs", "is_kept"}

The last states are done, cached, skipped, failed and cancelled. `is_kept` is true for a task that
was done before the run was resumed. Times are `headrace.lineage.times`; artifacts are
`artifacts_to_json`. Parameters may be secrets, so others may not read the file.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from headrace.contract.service import ENDED, RunArtifact, ServiceTask, ServiceTaskState
from headrace.contract.shown_values import shown
from headrace.lineage.times import timestamp
from headrace.targets.local.shared.results import ArtifactsByPort, artifacts_to_json

NAME = "tasks.jsonl"

_PRIVATE_MODE = 0o600


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """Writes the events of a run. It is for people: a full disk does not fail the run.

    Attributes:
        file: `tasks.jsonl`.
    """

    file: Path

    def run_started(self, tasks: Sequence[str]) -> None:
        """Notes that the run starts, or is resumed, with the tasks that are known by now."""
        self._write({"tasks": list(tasks)})

    def started(
        self,
        task: str,
        component: str,
        log: Path,
        parameters: Mapping[str, Any],
        inputs: ArtifactsByPort,
    ) -> None:
        """Notes that a task starts, or an attempt at it."""
        self._write(
            {
                "task": task,
                "state": "running",
                "component": component,
                "log": log.name,
                "parameters": shown(dict(parameters)),
                "inputs": artifacts_to_json(inputs),
            }
        )

    def failed_once(self, task: str, message: str) -> None:
        """Notes that an attempt failed, and that another one follows."""
        self._write({"task": task, "state": "again", "message": message})

    def ended(
        self,
        task: str,
        state: ServiceTaskState,
        *,
        seconds: float = 0.0,
        reason: str | None = None,
        values: Mapping[str, Any] | None = None,
        outputs: ArtifactsByPort | None = None,
        is_kept: bool = False,
    ) -> None:
        """Notes how a task ended."""
        self._write(
            {
                "task": task,
                "state": state,
                "seconds": round(seconds, 3),
                "reason": reason or "",
                "values": shown(dict(values or {})),
                "outputs": artifacts_to_json(outputs or {}),
                "is_kept": is_kept,
            }
        )

    def _write(self, event: Mapping[str, Any]) -> None:
        content = {"time": timestamp(time.time_ns() // 1_000_000), **event}
        line = f"{json.dumps(content, default=str)}\n".encode()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            descriptor = os.open(self.file, flags, _PRIVATE_MODE)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunHistory:
    """What a journal tells.

    Attributes:
        tasks: The tasks: first those that began, in that order.
        started: When the run was started, or was resumed last; None if it has not begun.
        last: The time of the last event; None if there is none.
    """

    tasks: tuple[ServiceTask, ...] = ()
    started: datetime | None = None
    last: datetime | None = None


def read_history(directory: Path, *, left: str | None) -> RunHistory:
    """Reads the journal of a run; damaged lines do not count.

    Args:
        directory: That of the run.
        left: Why tasks did not end that have begun; None if they may still be running.
    """
    found = _TasksSoFar(logs=directory / "logs")
    for event in _events(directory / NAME):
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
            found.add(event)
    to_come = [ServiceTask(name=name, state="waiting") for name in found.expected]
    return RunHistory(
        tasks=(
            *(_settled(task, left, found.last) for task in found.tasks.values()),
            *(task for task in to_come if task.name not in found.tasks),
        ),
        started=found.started,
        last=found.last,
    )


def _events(file: Path) -> Iterable[Any]:
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            yield json.loads(line)


def _settled(task: ServiceTask, left: str | None, last: datetime | None) -> ServiceTask:
    if left is None or task.state in ENDED:
        return task
    # It ended with the run, nobody knows when: not before the last event.
    seconds = (last - task.started).total_seconds() if last and task.started else 0.0
    return replace(task, state="cancelled", seconds=seconds, message=left or task.message)


@dataclass(kw_only=True, slots=True)
class _TasksSoFar:
    """The tasks so far.

    Attributes:
        logs: The directory of their logs.
        tasks: Those that have begun since the run was started, or resumed last.
        earlier: What is known of tasks from before it was resumed.
        expected: Names of the tasks that were known at the start.
    """

    logs: Path
    tasks: dict[str, ServiceTask] = field(default_factory=dict)
    earlier: dict[str, ServiceTask] = field(default_factory=dict)
    expected: Sequence[str] = ()
    started: datetime | None = None
    last: datetime | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, event: Mapping[str, Any]) -> None:
        """Takes an event. Raises an error of Python's own if its form is wrong."""
        time = datetime.fromisoformat(event["time"])
        if "tasks" in event:
            self.expected = [str(name) for name in event["tasks"]]
            self.earlier |= self.tasks
            self.tasks, self.started = {}, time
        elif event["state"] == "running":
            self._begin(event, time)
        elif event["state"] == "again":
            before = self.tasks[event["task"]]
            self.tasks[before.name] = replace(before, message=str(event["message"]))
        else:
            self._end(event)
        self.last = time

    def _begin(self, event: Mapping[str, Any], time: datetime) -> None:
        name = str(event["task"])
        before = self.tasks.get(name)
        is_next_attempt = before is not None and before.state == "running"
        started = before.started if before and is_next_attempt else time
        log = self.logs / Path(str(event["log"])).name
        self.tasks[name] = ServiceTask(
            name=name,
            state="running",
            started=started,
            seconds=(self.now - (started or time)).total_seconds(),
            message=before.message if before and is_next_attempt else "",
            component=str(event["component"]),
            log=str(log) if log.is_file() else "",
            parameters=dict(event["parameters"]),
            inputs=_artifacts(event["inputs"]),
        )

    def _end(self, event: Mapping[str, Any]) -> None:
        name = str(event["task"])
        kept = self.earlier.get(name)
        if event["is_kept"] and kept is not None and kept.state in ("done", "cached"):
            self.tasks[name] = kept
            return
        state = cast(ServiceTaskState, event["state"])
        if state not in ENDED:
            raise ValueError(f"there is no state {state!r}")
        before = self.tasks.get(name) or ServiceTask(name=name, state=state)
        reason = str(event["reason"])
        self.tasks[name] = replace(
            before,
            state=state,
            seconds=float(event["seconds"]),
            message=reason if state == "failed" else "",
            reason="" if state == "failed" else reason,
            values=dict(event["values"]),
            outputs=_artifacts(event["outputs"]),
        )


def _artifacts(data: Mapping[str, Any]) -> dict[str, tuple[RunArtifact, ...]]:
    return {
        str(port): tuple(
            RunArtifact(type=str(a["type"]), uri=str(a["uri"]), metadata=dict(a["metadata"]))
            for a in found
        )
        for port, found in data.items()
    }
