"""Runs and recurring runs of Kubeflow Pipelines in the words of the command line."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headrace.contract.service import (
    Schedule,
    ScheduleState,
    ServiceRun,
    ServiceRunState,
    ServiceTask,
    summary_of_tasks,
)
from headrace.targets.kubeflow.connection import Address
from headrace.targets.remote.cron import next_time
from headrace.targets.remote.run_parameters import shown_parameters

# `RuntimeState` of the API. SKIPPED is a run that had nothing to do.
_RUN_STATES: dict[str, ServiceRunState] = {
    "PENDING": "waiting",
    "RUNNING": "running",
    "PAUSED": "paused",
    "CANCELING": "cancelling",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "succeeded",
    "FAILED": "failed",
    "CANCELED": "cancelled",
}

ENDED = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
"""States that a run keeps."""


def run_of(
    found: Any,
    address: Address,
    tasks: Sequence[ServiceTask] = (),
    message: str = "",
    spec: Mapping[str, Any] | None = None,
) -> ServiceRun:
    """Returns a `V2beta1Run`.

    Args:
        found: The run.
        address: Where its page is.
        tasks: Its tasks, as far as they are known.
        message: Why it failed, in addition to its own message.
        spec: The pipeline; None takes it from the run, which may only contain its name.
    """
    if spec is None:
        sent = found.pipeline_spec or {}
        spec = sent.get("pipeline_spec", sent)
    state = _RUN_STATES.get(str(found.state), "waiting")
    if state == "failed" and is_cancelled(found):
        state = "cancelled"
    message = " ".join(filter(None, [found.error.message if found.error else "", message]))
    return ServiceRun(
        id=found.run_id,
        name=found.display_name,
        state=state,
        link=address.link(f"runs/details/{found.run_id}"),
        created=found.created_at,
        seconds=seconds_of(
            found.created_at, found.finished_at if str(found.state) in ENDED else None
        ),
        tasks=tuple(tasks),
        message=message,
        pipeline=spec.get("pipelineInfo", {}).get("name", ""),
        parameters=shown_parameters(spec, given_parameters(found)),
        summary=summary_of_tasks(tasks),
    )


def given_parameters(found: Any) -> dict[str, Any]:
    """Returns the parameters that a `V2beta1Run` was started with."""
    config = found.runtime_config
    return dict((config.parameters if config else None) or {})


def is_cancelled(found: Any) -> bool:
    """Returns whether somebody has asked for a `V2beta1Run` to end.

    Kubeflow Pipelines 2.17 ends it as FAILED, and shows CANCELING only in its history.
    """
    states = {str(each.state) for each in found.state_history or []}
    return bool(states & {"CANCELING", "CANCELED"}) or str(found.state) in ("CANCELING", "CANCELED")


def schedule_of(found: Any, address: Address) -> Schedule:
    """Returns a `V2beta1RecurringRun`, whose page is at `address`."""
    cron, periodic = found.trigger.cron_schedule, found.trigger.periodic_schedule
    state: ScheduleState = "active" if found.status == "ENABLED" else "paused"
    state = "completed" if has_ended(found) else state
    # Kubeflow's cron begins with the second, which Headrace writes as 0.
    fields = cron.cron.removeprefix("0 ") if cron else ""
    return Schedule(
        id=found.recurring_run_id,
        name=found.display_name,
        state=state,
        cron=fields or f"every {periodic.interval_second} s",
        link=address.link(f"recurringrun/details/{found.recurring_run_id}"),
        # The API does not give it, and not everyone may read the object in the cluster that does.
        next_run=_next_run(found.trigger, fields) if state == "active" else None,
    )


def _next_run(trigger: Any, fields: str) -> datetime | None:
    now = datetime.now(UTC)
    begins = trigger.cron_schedule.start_time if trigger.cron_schedule else None
    ends = trigger.cron_schedule.end_time if trigger.cron_schedule else None
    time = next_time(fields, max(now, begins) if begins else now)
    is_late = time is not None and ends is not None and 0 < ends.timestamp() < time.timestamp()
    return None if is_late else time


def has_ended(recurring_run: Any) -> bool:
    """Returns whether a `V2beta1RecurringRun` starts no more runs."""
    trigger = recurring_run.trigger
    end = (trigger.cron_schedule or trigger.periodic_schedule).end_time
    # Some backends send 1970-01-01 for "no end time".
    return end is not None and 0 < end.timestamp() < datetime.now(UTC).timestamp()


def seconds_of(start: datetime | None, end: datetime | None) -> float:
    """Returns the seconds between two times of the API, or until now if the second is missing.

    For a missing time the API may send Go's zero time, in the year 1.
    """
    if start is None or start.timestamp() <= 0:
        return 0.0
    until = end if end is not None and end > start else datetime.now(UTC)
    return max(0.0, (until - start).total_seconds())
