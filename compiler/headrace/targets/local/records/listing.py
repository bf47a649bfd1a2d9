"""The runs under a root: finds them by what people write, and describes them.

Lists read two small files of each run, and not its record, which contains its whole pipeline.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from headrace.contract.run_filter import EVERY_RUN, RunFilter
from headrace.contract.run_names import chosen
from headrace.contract.service import ServiceRun, ServiceRunState, summary_of_tasks
from headrace.lineage.summaries import Metric, RunSummary
from headrace.lineage.verdicts import Verdict
from headrace.targets.local.records.journal import read_history
from headrace.targets.local.records.json_files import read_json
from headrace.targets.local.records.store import RunStore

_SECOND = len("20261130-124546")
"""Run IDs begin with the second in which the run was made."""

_FINAL = ("succeeded", "failed", "interrupted")

_KILLED = "The process that ran the pipeline was killed."


def find_run(root: Path, text: str, command: str = "headrace run") -> RunStore:
    """Returns the run that a text stands for, in the forms of `run_names.resolved`.

    Raises:
        InputError: There is none, or there are several.
    """

    def newest(which: RunFilter) -> Iterator[str]:
        return (run.id for run in described(root, which))

    return RunStore.find(root, chosen(text, newest, lambda prefix: ids(root, prefix), command))


def ids(root: Path, prefix: str) -> Sequence[str]:
    """Returns the IDs that begin with a prefix, the newest first; a whole ID alone."""
    found = [name for store in stores(root) if (name := store.directory.name).startswith(prefix)]
    return [prefix] if prefix in found else found


def stores(root: Path) -> list[RunStore]:
    """Returns the runs under a root, the newest first."""
    found = []
    for pipeline in _directories(root):
        for run in _directories(pipeline):
            try:
                changed = os.stat(os.path.join(run, "run.json")).st_mtime_ns  # noqa: PTH116, PTH118  a thousand times
            except OSError:
                continue
            found.append((os.path.basename(run)[:_SECOND], changed, run))  # noqa: PTH119
    return [RunStore(root=root, directory=Path(run)) for _, _, run in sorted(found, reverse=True)]


def _directories(parent: Path | str) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            return [each.path for each in entries if each.name[0] != "." and each.is_dir()]
    except OSError:
        return []


def described(root: Path, which: RunFilter = EVERY_RUN) -> Iterator[ServiceRun]:
    """Yields the runs that a filter takes, without their tasks, the newest first."""
    for store in stores(root):
        if which.pipeline in ("", store.directory.parent.name):
            run = run_of(store)
            is_deleted = run.created is None and not store.directory.exists()
            if which.takes(run) and not is_deleted:
                yield run


def run_of(store: RunStore, *, with_tasks: bool = False) -> ServiceRun:
    """Returns a run in its current state."""
    found, state = _state(store)
    goes_on = state in ("running", "cancelling")
    summary = store.summary or _summary_of_record(store)
    run = ServiceRun(
        id=store.directory.name,
        name=str(summary.get("name", store.directory.parent.name)),
        state=state,
        link=str(store.directory),
        created=_time(summary.get("created")),
        seconds=_number(found.get("seconds")),
        pipeline=store.directory.parent.name,
        parameters=_object(summary.get("parameters")),
        source=str(summary.get("source", "")),
    )
    if "seconds" in found and not with_tasks:
        return replace(run, summary=_came_of(found))
    was_killed = found.get("state") == "running"
    left = None if goes_on else _KILLED if was_killed else ""
    history = read_history(store.directory, left=left)
    if "seconds" not in found and history.started is not None:
        end = datetime.now(UTC) if goes_on else history.last
        run = replace(run, seconds=((end or history.started) - history.started).total_seconds())
    came = summary_of_tasks(history.tasks)
    return replace(run, tasks=history.tasks if with_tasks else (), summary=came)


def _state(store: RunStore) -> tuple[Mapping[str, Any], ServiceRunState]:
    """Returns what a run last wrote about its state, and the state."""
    found = store.state
    if found.get("state") in _FINAL:
        return found, cast(ServiceRunState, found["state"])
    # Whoever ends a run writes the state first and frees the lock after it, so it is read again.
    is_locked = store.is_locked
    found = store.state
    state = found.get("state")
    if state in _FINAL:
        return found, cast(ServiceRunState, state)
    if not is_locked:
        return found, "interrupted"  # its process was killed
    if state != "running":
        return found, "waiting"
    return found, "cancelling" if store.cancel_request.exists() else "running"


def _came_of(found: Mapping[str, Any]) -> RunSummary:
    """Returns the verdicts and metrics that the end of a run recorded; none if they are damaged."""
    try:
        came = found["summary"]
        return RunSummary(
            verdicts=tuple(
                Verdict(**{**each, "reasons": tuple(each["reasons"])}) for each in came["verdicts"]
            ),
            metrics=tuple(Metric(**each) for each in came["metrics"]),
        )
    except (KeyError, TypeError):
        return RunSummary()


def _summary_of_record(store: RunStore) -> dict[str, Any]:
    """Returns what the record of a run says that has no summary; empty if it cannot be read."""
    try:
        record = read_json(store.directory / "run.json")
    except (ValueError, OSError):
        return {}
    return {name: record[name] for name in ("created", "parameters") if name in record}


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
