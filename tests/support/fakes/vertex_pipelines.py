"""Vertex AI's PipelineService and ScheduleService, as a gRPC server on this machine.

It has the messages of google-cloud-aiplatform's own protos. A job runs nothing: with each request
for it, its tasks advance by a step, those first whose upstream tasks are done.
"""

import contextlib
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.cloud.aiplatform_v1.types import (
    PipelineJob,
    PipelineState,
    PipelineTaskDetail,
    Schedule,
    pipeline_service,
    schedule_service,
)
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from support.fakes.vertex_api import RefusedError, served

PROJECT_NUMBER = "1234567890"
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_State = PipelineTaskDetail.State


@dataclass
class VertexPipelines:
    """The state of the services, and the faults to show.

    Attributes:
        address: Where they listen.
        jobs: Jobs by name, the oldest first.
        scheduled: Schedules by name, the oldest first.
        calls: Names of the methods called, in order.
        requests: The requests of these calls.
        fates: The end of each task, by its name: its state and the error's message.
        steps: The maximum number of steps of a job; then its tasks stay unchanged.
        refusals: By method, the errors for the next calls; None lets a call pass.
        lost: Methods whose next call is carried out, but answered like by a service that is down.
    """

    address: str = ""
    jobs: dict[str, Any] = field(default_factory=dict)
    scheduled: dict[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    fates: dict[str, tuple[str, str]] = field(default_factory=dict)
    steps: int = 1_000_000
    refusals: dict[str, list[tuple[grpc.StatusCode, str] | None]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(100))
    _operations: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, request: Any) -> Any:
        """Answers one call."""
        with self._lock:
            self.calls.append(method)
            self.requests.append(request)
            refusals = self.refusals.get(method, [])
            refusal = refusals.pop(0) if refusals else None
            if refusal is not None:
                raise RefusedError(*refusal)
            answer = getattr(self, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method).lower())(request)
            if method in self.lost:
                self.lost.remove(method)
                raise RefusedError(grpc.StatusCode.UNAVAILABLE, "Connection reset by peer")
            return answer

    def create_pipeline_job(self, request: Any) -> Any:
        _check(bool(re.fullmatch(r"[a-z][-a-z0-9]{0,127}", request.pipeline_job_id)), "id")
        name = f"{request.parent}/pipelineJobs/{request.pipeline_job_id}"
        if name in self.jobs:
            raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"PipelineJob {name} exists.")
        _check_job(request.pipeline_job)
        job = PipelineJob(request.pipeline_job)
        job.name = name.replace("my-project", PROJECT_NUMBER)
        job.state = PipelineState.PIPELINE_STATE_PENDING
        job.create_time = CREATED + timedelta(minutes=len(self.jobs))
        job.job_detail.task_details = [self._task(request.pipeline_job_id, 0)]
        self.jobs[name] = job
        return job

    def get_pipeline_job(self, request: Any) -> Any:
        job = _found(self.jobs, request.name)
        if job.state not in _ENDS and self.steps > 0:
            self.steps -= 1
            self._advance(job)
        return job

    def list_pipeline_jobs(self, request: Any) -> Any:
        _check(request.order_by == "create_time desc", "order_by")
        found, token = _page(list(reversed(self.jobs.values())), request.page_token)
        listed = [PipelineJob(job) for job in found]
        for message in map(PipelineJob.pb, listed):
            message.ClearField("job_detail")  # "Not available in the list view."
            for name in {each.name for each, _ in message.ListFields()}.difference(
                request.read_mask.paths
            ):
                message.ClearField(name)
        return pipeline_service.ListPipelineJobsResponse(
            pipeline_jobs=listed, next_page_token=token
        )

    def cancel_pipeline_job(self, request: Any) -> Any:
        job = _found(self.jobs, request.name)
        if job.state in _ENDS:
            raise RefusedError(
                grpc.StatusCode.FAILED_PRECONDITION, f"{request.name} is in a terminal state."
            )
        job.state = PipelineState.PIPELINE_STATE_CANCELLING
        return empty_pb2.Empty()

    def delete_pipeline_job(self, request: Any) -> Any:
        if _found(self.jobs, request.name).state not in _ENDS:
            raise RefusedError(
                grpc.StatusCode.FAILED_PRECONDITION, f"{request.name} is not in a terminal state."
            )
        del self.jobs[request.name]
        return self._operation(request.name)

    def create_schedule(self, request: Any) -> Any:
        asked = request.schedule
        _check(bool(asked.display_name), "display_name")
        _check(asked.max_concurrent_run_count > 0, "max_concurrent_run_count")
        _check(bool(re.fullmatch(r"(TZ=\S+ )?(\S+ ){4}\S+", asked.cron)), "cron")
        creation = asked.create_pipeline_job_request
        _check(creation.parent == request.parent, "create_pipeline_job_request.parent")
        _check(not creation.pipeline_job_id, "create_pipeline_job_request.pipeline_job_id")
        _check_job(creation.pipeline_job)
        made = Schedule(asked)
        schedule_id = str(next(self._ids))
        made.name = f"projects/{PROJECT_NUMBER}/locations/europe-west1/schedules/{schedule_id}"
        made.state = Schedule.State.ACTIVE
        made.create_time = CREATED
        made.next_run_time = CREATED + timedelta(days=1)
        self.scheduled[f"{request.parent}/schedules/{schedule_id}"] = made
        return made

    def list_schedules(self, request: Any) -> Any:
        found, token = _page(list(reversed(self.scheduled.values())), request.page_token)
        return schedule_service.ListSchedulesResponse(schedules=found, next_page_token=token)

    def pause_schedule(self, request: Any) -> Any:
        _found(self.scheduled, request.name).state = Schedule.State.PAUSED
        return empty_pb2.Empty()

    def resume_schedule(self, request: Any) -> Any:
        _check(not request.catch_up, "catch_up")
        _found(self.scheduled, request.name).state = Schedule.State.ACTIVE
        return empty_pb2.Empty()

    def delete_schedule(self, request: Any) -> Any:
        _found(self.scheduled, request.name)
        del self.scheduled[request.name]
        return self._operation(request.name)

    def get_operation(self, request: Any) -> Any:
        operation = self._operations[request.name]
        operation.done = True
        operation.response.Pack(empty_pb2.Empty())
        return operation

    def _operation(self, resource: str) -> Any:
        name = f"{resource}/operations/{next(self._ids)}"
        self._operations[name] = operations_pb2.Operation(name=name)
        return self._operations[name]

    def _advance(self, job: Any) -> None:
        details = list(job.job_detail.task_details)
        if job.state == PipelineState.PIPELINE_STATE_CANCELLING:
            for detail in details:
                if detail.state in (_State.PENDING, _State.RUNNING):
                    self._end(detail, "CANCELLED", "")
            self._end_job(job, PipelineState.PIPELINE_STATE_CANCELLED)
            return
        spec = json_format.MessageToDict(PipelineJob.pb(job).pipeline_spec)
        tasks = spec["root"]["dag"]["tasks"]
        job.state = PipelineState.PIPELINE_STATE_RUNNING
        for detail in details[1:]:
            if detail.state == _State.RUNNING:
                self._end(detail, *self.fates.get(detail.task_name, ("SUCCEEDED", "")))
        failed = any(detail.state == _State.FAILED for detail in details)
        if not failed:
            self._begin_tasks(tasks, details)
        job.job_detail.task_details = details
        if not any(detail.state == _State.RUNNING for detail in details[1:]):
            ends = PipelineState.PIPELINE_STATE_FAILED if failed else None
            self._end_job(job, ends or PipelineState.PIPELINE_STATE_SUCCEEDED)

    def _begin_tasks(self, tasks: dict[str, Any], details: list[Any]) -> None:
        """Adds the tasks whose upstream tasks are done; a task from the cache lets others begin."""
        done = {each.task_name for each in details if each.state in _DONE}
        begun = {each.task_name for each in details}
        ready = [
            name
            for name, task in sorted(tasks.items())
            if name not in begun and done.issuperset(task.get("dependentTasks", []))
        ]
        details += [self._task(name, details[0].task_id) for name in ready]
        if any(each.state in _DONE for each in details if each.task_name in ready):
            self._begin_tasks(tasks, details)

    def _task(self, name: str, parent: int) -> Any:
        fate = self.fates.get(name, ("", ""))[0]
        made = PipelineTaskDetail(
            task_id=next(self._ids),
            parent_task_id=parent,
            task_name=name,
            create_time=CREATED,
            start_time=CREATED,
            state=_State.RUNNING,
        )
        if fate in ("SKIPPED", "NOT_TRIGGERED"):
            self._end(made, fate, "")
        elif parent:
            # The API always answers with the number of a project.
            place = f"projects/{PROJECT_NUMBER}/locations/europe-west1"
            custom_job = f"{place}/customJobs/{next(self._ids)}"
            made.executor_detail = {"container_detail": {"main_job": custom_job}}
        return made

    def _end(self, detail: Any, state: str, message: str) -> None:
        detail.state = _State[state]
        detail.end_time = CREATED + timedelta(seconds=90)
        if message:
            detail.error = {"code": 9, "message": message}

    def _end_job(self, job: Any, state: Any) -> None:
        job.state = state
        job.end_time = CREATED + timedelta(minutes=30)
        root = job.job_detail.task_details[0]
        self._end(root, state.name.removeprefix("PIPELINE_STATE_"), "")
        if state == PipelineState.PIPELINE_STATE_FAILED:
            job.error = {"code": 9, "message": "The DAG failed because some tasks failed."}


_ENDS = (
    PipelineState.PIPELINE_STATE_SUCCEEDED,
    PipelineState.PIPELINE_STATE_FAILED,
    PipelineState.PIPELINE_STATE_CANCELLED,
)
_DONE = (_State.SUCCEEDED, _State.SKIPPED)


def _check_job(job: Any) -> None:
    _check(job.runtime_config.gcs_output_directory.startswith("gs://"), "gcs_output_directory")
    fields = json_format.MessageToDict(PipelineJob.pb(job).pipeline_spec)
    spec = json_format.ParseDict(fields, pipeline_spec_pb2.PipelineSpec())
    declared = spec.root.input_definitions.parameters
    _check(set(job.runtime_config.parameter_values) <= set(declared), "parameter_values")


def _check(is_right: bool, field_name: str) -> None:
    if not is_right:
        raise RefusedError(
            grpc.StatusCode.INVALID_ARGUMENT, f"List of found errors: Field: {field_name}"
        )


def _found(resources: dict[str, Any], name: str) -> Any:
    if name not in resources:
        raise RefusedError(grpc.StatusCode.NOT_FOUND, f"{name} is not found.")
    return resources[name]


def _page(found: list[Any], token: str) -> tuple[list[Any], str]:
    # Two per page, so that the requested item is not on the first page.
    start = int(token or 0)
    return found[start : start + 2], str(start + 2) if start + 2 < len(found) else ""


_SERVICES: dict[str, dict[str, Callable[[bytes], Any]]] = {
    "google.cloud.aiplatform.v1.PipelineService": {
        method: getattr(pipeline_service, f"{method}Request").deserialize
        for method in (
            "CreatePipelineJob",
            "GetPipelineJob",
            "ListPipelineJobs",
            "CancelPipelineJob",
            "DeletePipelineJob",
        )
    },
    "google.cloud.aiplatform.v1.ScheduleService": {
        method: getattr(schedule_service, f"{method}Request").deserialize
        for method in (
            "CreateSchedule",
            "ListSchedules",
            "PauseSchedule",
            "ResumeSchedule",
            "DeleteSchedule",
        )
    },
    "google.longrunning.Operations": {
        "GetOperation": operations_pb2.GetOperationRequest.FromString,
    },
}


@contextlib.contextmanager
def vertex_pipelines() -> Iterator[VertexPipelines]:
    """Serves the API on a free port of this machine."""
    api = VertexPipelines()
    with served(api, _SERVICES) as api.address:
        yield api
