"""Vertex AI's records of runs and schedules, in the words of `headrace.contract.service`.

They are read by their fields alone, so nothing here imports the client library.
"""

import re
from collections.abc import Callable, Iterator, Set
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from google.protobuf.json_format import MessageToDict

from headrace.contract.service import (
    ENDED,
    RunArtifact,
    Schedule,
    ScheduleState,
    ServiceRun,
    ServiceRunState,
    ServiceTask,
    ServiceTaskState,
    summary_of_tasks,
)
from headrace.ir import specs
from headrace.ir.values import whole_numbers
from headrace.lineage.verdicts import verdict_of
from headrace.targets.remote.run_parameters import shown_parameters

CONSOLE = "https://console.cloud.google.com"

_RUN_STATES: dict[str, ServiceRunState] = {
    "PIPELINE_STATE_RUNNING": "running",
    "PIPELINE_STATE_SUCCEEDED": "succeeded",
    "PIPELINE_STATE_FAILED": "failed",
    "PIPELINE_STATE_CANCELLING": "cancelling",
    "PIPELINE_STATE_CANCELLED": "cancelled",
    "PIPELINE_STATE_PAUSED": "paused",
}
# SKIPPED is a hit of the cache; NOT_TRIGGERED is a condition that was false.
_TASK_STATES: dict[str, ServiceTaskState] = {
    "RUNNING": "running",
    "CANCEL_PENDING": "running",
    "CANCELLING": "running",
    "SUCCEEDED": "done",
    "SKIPPED": "cached",
    "NOT_TRIGGERED": "skipped",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
}
CHOSEN_ID = re.compile(r"(.+)-\d{14}")
"""A whole run ID that `headrace submit` chose, with the pipeline's name."""

_SCHEDULE_STATES: dict[str, ScheduleState] = {"PAUSED": "paused", "COMPLETED": "completed"}


def short_name(name: str) -> str:
    """Returns the last part of a resource's name: its ID."""
    return name.rpartition("/")[2]


def run_of(job: Any, reason: Callable[[str], str] = lambda _: "") -> ServiceRun:
    """Returns a run from a `PipelineJob`.

    Args:
        job: The message.
        reason: Returns why a task failed in its own words, or nothing, by the URI of its directory.
    """
    project, region = _place(job.name)
    run_id = short_name(job.name)
    state = _RUN_STATES.get(job.state.name, "waiting")
    spec = pipeline_of(job)
    tasks = _tasks(job, run_id, project, reason)
    return ServiceRun(
        id=run_id,
        name=job.display_name,
        state=state,
        link=f"{CONSOLE}/vertex-ai/locations/{region}/pipelines/runs/{run_id}?project={project}",
        created=job.create_time,
        seconds=_seconds(job.create_time, job.end_time),
        tasks=tasks,
        message=job.error.message if state == "failed" else "",
        pipeline=specs.pipeline_name(spec) if spec else _named_in(run_id) or job.display_name,
        parameters=shown_parameters(spec, given_parameters(job)),
        summary=summary_of_tasks(tasks),
    )


def pipeline_of(job: Any) -> dict[str, Any]:
    """Returns the pipeline of a `PipelineJob`; empty in lists, which leave it out."""
    return dict(MessageToDict(type(job).pb(job).pipeline_spec))


def given_parameters(job: Any) -> dict[str, Any]:
    """Returns the parameters that a `PipelineJob` was started with."""
    config = type(job).pb(job).runtime_config
    return {name: MessageToDict(value) for name, value in config.parameter_values.items()}


def _named_in(run_id: str) -> str:
    """Returns the pipeline's name in an ID that `headrace submit` chose; empty for another ID."""
    found = CHOSEN_ID.fullmatch(run_id)
    return found[1] if found else ""


def schedule_of(schedule: Any) -> Schedule:
    """Returns a schedule from a `Schedule` of the API."""
    project, region = _place(schedule.name)
    schedule_id = short_name(schedule.name)
    state = _SCHEDULE_STATES.get(schedule.state.name, "active")
    page = f"vertex-ai/locations/{region}/pipelines/schedules/{schedule_id}"
    return Schedule(
        id=schedule_id,
        name=schedule.display_name,
        state=state,
        cron=schedule.cron,
        link=f"{CONSOLE}/{page}?project={project}",
        next_run=schedule.next_run_time if state == "active" else None,
    )


def _place(name: str) -> tuple[str, str]:
    """Returns project and region of `projects/P/locations/R/...`."""
    _, project, _, region, *_ = name.split("/")
    return project, region


def _tasks(
    job: Any, run_id: str, project: str, reason: Callable[[str], str]
) -> tuple[ServiceTask, ...]:
    """Returns the tasks that run something: first those that began, in that order."""
    spec = pipeline_of(job)
    nodes = list(specs.tasks(spec)) if spec else []
    root = f"{job.runtime_config.gcs_output_directory.rstrip('/')}/{project}/{run_id}"

    def message(detail: Any) -> str:
        return reason(f"{root}/{detail.task_name}_{detail.task_id}") or _message(detail)

    begun = tuple(_begun(list(job.job_detail.task_details), nodes, project, message))
    names = {task.name for task in begun}
    waiting = [
        ServiceTask(name=node.label, state="waiting")
        for node in nodes
        if node.executor and not names.intersection(_labels(node)) and not _is_in_loop(node)
    ]
    return (*begun, *waiting)


def _labels(node: specs.TaskNode | None) -> list[str]:
    """Returns the paths of a task and of the DAGs that contain it."""
    return [node.label, *_labels(node.parent)] if node else []


def _is_in_loop(node: specs.TaskNode | None) -> bool:
    """Returns whether a task is run once an iteration, under names that are not known before."""
    if node is None:
        return False
    iterators = ("parameterIterator", "artifactIterator")
    return any(each in node.task for each in iterators) or _is_in_loop(node.parent)


def _begun(
    details: list[Any],
    nodes: list[specs.TaskNode],
    project: str,
    message: Callable[[Any], str],
) -> Iterator[ServiceTask]:
    known = {node.label for node in nodes if node.executor}
    paths = _paths(details, {node.name for node in nodes if node.parent is None})
    parents = {detail.parent_task_id for detail in details}
    taken: dict[str, int] = {}
    for detail in sorted(details, key=_position):
        path = paths[detail.task_id]
        state = _TASK_STATES.get(detail.state.name, "waiting")
        # The run itself, its DAGs and the iterations of loops are also tasks of Vertex AI. Before
        # they contain tasks, their state alone does not distinguish them from others.
        runs = path in known or state in ENDED or "executor_detail" in detail
        if not path or detail.task_id in parents or not runs:
            continue
        taken[path] = taken.get(path, 0) + 1
        yield ServiceTask(
            name=path if taken[path] == 1 else f"{path}#{taken[path]}",
            state=state,
            seconds=_seconds(detail.start_time, detail.end_time),
            message=message(detail) if state == "failed" else "",
            notices=_notices(detail) if state in ("done", "cached") else (),
            log=_log(detail.executor_detail, project),
            started=detail.start_time,
            inputs=_artifacts(detail.inputs),
            outputs=_artifacts(detail.outputs),
        )


def _artifacts(ports: Any) -> dict[str, tuple[RunArtifact, ...]]:
    """Returns the artifacts of a task that Vertex AI knows, by port."""
    return {
        port: tuple(
            RunArtifact(
                type=each.schema_title,
                uri=each.uri,
                metadata=whole_numbers(dict(each.metadata or {})),
            )
            for each in found.artifacts
        )
        for port, found in sorted(ports.items())
    }


def _notices(detail: Any) -> tuple[str, ...]:
    """Returns a task's verdicts, from the outputs that Vertex AI knows."""
    artifacts = [each for found in detail.outputs.values() for each in found.artifacts]
    verdicts = (verdict_of(each.schema_title, dict(each.metadata or {})) for each in artifacts)
    return tuple(filter(None, verdicts))


def _position(detail: Any) -> tuple[datetime, int]:
    return detail.create_time or datetime.max.replace(tzinfo=UTC), detail.task_id


def _paths(details: list[Any], first: Set[str]) -> dict[int, str]:
    """Returns the paths within the pipeline by ID; that of the run itself is empty.

    Args:
        details: The tasks.
        first: Names of the pipeline's own tasks; none of them is the name of the run.
    """
    by_id = {detail.task_id: detail for detail in details}

    def path(detail: Any) -> str:
        name = str(detail.task_name)
        parent = by_id.get(detail.parent_task_id)
        if parent is None:
            return name if name in first else ""
        above = path(parent)
        return f"{above}/{name}" if above else name

    return {detail.task_id: path(detail) for detail in details}


def _message(detail: Any) -> str:
    tries = [each.error.message for each in detail.pipeline_task_status if each.error.message]
    messages = [detail.error.message, *reversed(tries), "Vertex AI gives no reason; see the log."]
    return next(str(message) for message in messages if message)


def _log(executor: Any, project: str) -> str:
    """Returns the link to the log of the custom job that a task is, or nothing before there is one.

    Source of the filter: https://cloud.google.com/vertex-ai/docs/training/view-logs
    """
    container = executor.container_detail
    jobs = [
        *container.failed_main_jobs,
        container.main_job,
        executor.custom_job_detail.job,
    ]
    job = next((job for job in reversed(jobs) if job), "")
    if not job:
        return ""
    query = f'resource.type="ml_job"\nresource.labels.job_id="{short_name(job)}"'
    # Logs are kept for thirty days by default; without a duration the page only shows an hour.
    return f"{CONSOLE}/logs/query;query={quote(query, safe='')};duration=P30D?project={project}"


def _seconds(start: datetime | None, end: datetime | None) -> float:
    if start is None:
        return 0.0
    return max(0.0, ((end or datetime.now(UTC)) - start).total_seconds())
