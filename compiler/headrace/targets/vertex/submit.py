"""Runs and schedules of Vertex AI Pipelines, behind the words of `headrace.targets.remote`."""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any

from headrace.contract.run_filter import EVERY_RUN, RunFilter
from headrace.contract.service import Order, RunSource, Schedule, ServiceRun, Timing
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.targets.remote.run_parameters import known_parameters
from headrace.targets.vertex.jobs_api import CALL_SECONDS, Clients, connect_clients, place
from headrace.targets.vertex.reasons import Reasons
from headrace.targets.vertex.records import (
    CHOSEN_ID,
    given_parameters,
    pipeline_of,
    run_of,
    schedule_of,
    short_name,
)
from headrace_components.contract.errors import InputError, PlatformError

# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs/create
_RUN_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")

# For lists of runs, whose pipelines may have megabytes.
_LISTED = ("name", "display_name", "state", "create_time", "end_time", "runtime_config")

# Identifies a schedule that was made by a call whose answer was lost.
_SUBMISSION = "headrace-submission"


def connect(profile: Profile) -> "VertexRemote":
    """Returns the pipelines of a profile's project and region.

    Raises:
        InputError: The profile lacks a setting, or google-cloud-aiplatform is not installed.
        PlatformError: This machine has no credentials for Google Cloud.
    """
    return VertexRemote(connect_clients(place(profile)))


class VertexRemote:
    """Runs and schedules in a project and a region: a `headrace.contract.service.Remote`.

    A run or a schedule is named by its ID or by the API's name, `projects/.../pipelineJobs/ID`.

    Args:
        clients: The clients of the API.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._reasons = Reasons(clients.place)
        self._parent = clients.place.parent
        self._place = f"`project` and `region` in {clients.place.source}"

    def submit(self, order: Order) -> ServiceRun:
        """Starts a run; a call that was carried out but not answered starts no second one."""
        if order.run_id:
            _check_run_id(order.run_id, order.compiled.spec)
        job = job_message(order)
        return run_of(self._clients.call("start the run", self._creation(order, job)))

    def _creation(self, order: Order, job: Any) -> Callable[[], Any]:
        """Returns the step that makes a run, or that finds the run of an earlier attempt."""
        pipelines = self._clients.pipelines
        name = specs.pipeline_name(order.compiled.spec)
        now = datetime.now(UTC)
        # We choose the ID, so that a second call finds the run of the first one.
        ids = (_fresh_id(name, now + timedelta(seconds=more)) for more in count())
        run_id = order.run_id or next(ids)
        is_first = True

        def create() -> Any:
            nonlocal is_first, run_id
            was_first, is_first = is_first, False
            request = {"parent": self._parent, "pipeline_job": job, "pipeline_job_id": run_id}
            try:
                return pipelines.create_pipeline_job(request, timeout=CALL_SECONDS)
            except self._clients.exceptions.AlreadyExists as error:
                if not was_first:
                    return pipelines.get_pipeline_job(name=self._run(run_id), timeout=CALL_SECONDS)
                if order.run_id:
                    raise InputError(
                        f"headrace submit: there is a run {run_id!r} in {self._parent}, or was "
                        "one. Choose another --run-id, or leave it out."
                    ) from error
                # Another one of this pipeline was started in the same second.
                is_first, run_id = True, next(ids)
                return create()

        return create

    def describe(self, run_id: str) -> ServiceRun:
        """Returns a run with its tasks."""
        get = self._clients.pipelines.get_pipeline_job
        job = self._call_for_run(f"show run {run_id!r}", get, run_id)
        return run_of(job, self._reasons.of)

    def log(self, run_id: str, task: str) -> str | None:  # noqa: ARG002  the link is in the task
        """Returns None: logs are in Cloud Logging, which each task has a link to."""
        return None

    def source(self, run_id: str) -> RunSource:
        """Returns what a run runs."""
        get = self._clients.pipelines.get_pipeline_job
        job = self._call_for_run(f"show run {run_id!r}", get, run_id)
        spec = pipeline_of(job)
        return RunSource(spec=spec, parameters=known_parameters(spec, given_parameters(job)))

    def runs(self, limit: int | None, which: RunFilter = EVERY_RUN) -> Sequence[ServiceRun]:
        """Returns the latest runs, the newest first."""
        size = limit if which == EVERY_RUN else None

        def listed() -> list[ServiceRun]:
            return list(islice(filter(which.takes, map(run_of, self._latest(size))), limit))

        return self._clients.call("list the runs", listed)

    def ids(self, prefix: str) -> Sequence[str]:
        """Returns the IDs that begin with a prefix, the newest first; a whole ID alone."""
        if "/" in prefix or CHOSEN_ID.fullmatch(prefix):
            return [prefix]
        found = self._clients.call(
            "list the runs", lambda: [short_name(job.name) for job in self._latest(None, ["name"])]
        )
        return [prefix] if prefix in found else [each for each in found if each.startswith(prefix)]

    def _latest(self, limit: int | None, fields: Sequence[str] = _LISTED) -> Iterable[Any]:
        """Returns the latest `PipelineJob`s, page by page."""
        request = {
            "parent": self._parent,
            "page_size": min(limit or 100, 100),
            "order_by": "create_time desc",
            "read_mask": {"paths": fields},
        }
        pages = self._clients.pipelines.list_pipeline_jobs(request, timeout=CALL_SECONDS)
        return islice(pages, limit)

    def cancel(self, run_id: str) -> None:
        """Asks for a run to end, which takes a while. A finished run stays unchanged."""
        cancel = self._clients.pipelines.cancel_pipeline_job
        self._call_for_run(f"cancel run {run_id!r}", cancel, run_id)

    def delete(self, run_id: str, *, force: bool = False) -> None:  # noqa: ARG002  no artifacts
        """Deletes the record of a run that is over; its artifacts stay."""
        delete = _to_the_end(self._clients.pipelines.delete_pipeline_job)
        self._call_for_run(f"delete run {run_id!r}", delete, run_id)

    def schedule(self, order: Order, timing: Timing) -> Schedule:
        """Makes a schedule. Each of its runs gets a new ID."""
        if timing.catch_up:
            raise InputError(
                "headrace submit: --catch-up is given, but a schedule of Vertex AI makes up for no "
                "missed runs. Leave it out, and submit what was missed."
            )
        job = job_message(order)
        job.labels[_SUBMISSION] = secrets.token_hex(8)
        zone = "" if timing.timezone == "UTC" else f"TZ={timing.timezone} "
        body = {
            "display_name": timing.name or job.display_name,
            "cron": zone + timing.cron,
            "start_time": timing.start,
            "end_time": timing.end,
            "max_concurrent_run_count": timing.max_concurrent,
            "create_pipeline_job_request": {"parent": self._parent, "pipeline_job": job},
        }
        return schedule_of(
            self._clients.call("make the schedule", lambda: self._find_or_make_schedule(body))
        )

    def _find_or_make_schedule(self, body: dict[str, Any]) -> Any:
        # Two schedules of one name would run everything twice, and nobody wants that by mistake.
        job = body["create_pipeline_job_request"]["pipeline_job"]
        for each in self._list_schedules():
            if each.display_name != body["display_name"] or each.state.name == "COMPLETED":
                continue
            labels = each.create_pipeline_job_request.pipeline_job.labels
            if labels.get(_SUBMISSION) == job.labels[_SUBMISSION]:
                return each
            raise InputError(
                f"headrace submit: there is a schedule {each.display_name!r} in {self._parent}, "
                f"{short_name(each.name)}. Delete it: `headrace schedules delete --target vertex "
                f"{short_name(each.name)}`, or pass another --schedule-name."
            )
        request = {"parent": self._parent, "schedule": body}
        return self._clients.schedules.create_schedule(request, timeout=CALL_SECONDS)

    def schedules(self) -> Sequence[Schedule]:
        """Returns all schedules of pipelines, the newest first."""
        found = self._clients.call("list the schedules", self._list_schedules)
        return [schedule_of(each) for each in found]

    def _list_schedules(self) -> list[Any]:
        request = {"parent": self._parent, "order_by": "create_time desc"}
        found = self._clients.schedules.list_schedules(request, timeout=CALL_SECONDS)
        # Notebooks have schedules, too.
        return [each for each in found if "create_pipeline_job_request" in each]

    def pause(self, schedule_id: str) -> None:
        """Lets a schedule start no more runs until it is resumed; current runs go on."""
        self._call_for_schedule("pause", self._clients.schedules.pause_schedule, schedule_id)

    def resume(self, schedule_id: str) -> None:
        """Lets a paused schedule start runs again. Those missed are not made up for."""
        self._call_for_schedule("resume", self._clients.schedules.resume_schedule, schedule_id)

    def delete_schedule(self, schedule_id: str) -> None:
        """Deletes a schedule; its runs stay."""
        delete = _to_the_end(self._clients.schedules.delete_schedule)
        self._call_for_schedule("delete", delete, schedule_id)

    def _call_for_run(self, doing: str, method: Callable[..., Any], run_id: str) -> Any:
        name = self._run(run_id)
        return self._clients.call(
            doing,
            lambda: method(name=name, timeout=CALL_SECONDS),
            missing=f"`headrace runs list --target vertex` shows those of {self._place}.",
            refused=f"`headrace runs show --target vertex {run_id}` shows where it stands.",
        )

    def _call_for_schedule(self, verb: str, method: Callable[..., Any], schedule_id: str) -> None:
        name = schedule_id if "/" in schedule_id else f"{self._parent}/schedules/{schedule_id}"
        self._clients.call(
            f"{verb} schedule {schedule_id!r}",
            lambda: method(name=name, timeout=CALL_SECONDS),
            missing=f"`headrace schedules list --target vertex` shows those of {self._place}.",
            refused="`headrace schedules list --target vertex` shows where it stands.",
        )

    def _run(self, run_id: str) -> str:
        return run_id if "/" in run_id else f"{self._parent}/pipelineJobs/{run_id}"


def job_message(order: Order) -> Any:
    """Returns the `PipelineJob` message of an order."""
    from google.cloud.aiplatform_v1.types import PipelineJob
    from google.protobuf.json_format import ParseDict

    document = specs.copy(order.compiled.document)
    document["runtimeConfig"]["parameterValues"] = dict(order.parameters)
    if not order.use_cache:
        for node in specs.tasks(document["pipelineSpec"]):
            node.task["cachingOptions"] = {}
    job = PipelineJob()
    ParseDict(document, PipelineJob.pb(job))
    return job


def _fresh_id(pipeline: str, time: datetime) -> str:
    # In the form of Google's own library, by which `earlier_runs` finds the runs of one pipeline.
    return f"{_id_prefix(pipeline)}-{time:%Y%m%d%H%M%S}"


def _id_prefix(pipeline: str) -> str:
    name = re.sub(r"[^-a-z0-9]+", "-", pipeline.lower()).strip("-")
    name = name if name[:1].isalpha() else f"run-{name}"
    return name[: 128 - len("-20260102030405")]


def _check_run_id(run_id: str, spec: Mapping[str, Any]) -> None:
    if not _RUN_ID.fullmatch(run_id):
        raise InputError(
            f"headrace submit: --run-id is {run_id!r}, expected at most 128 lower-case letters, "
            "digits and -, beginning with a letter. Choose another."
        )
    prefix = _id_prefix(specs.pipeline_name(spec))
    if re.fullmatch(rf"{prefix}-\d{{14}}", run_id):
        return
    for node in specs.tasks(spec):
        source = specs.parameter_inputs(node.task).get("search_root", {})
        if node.headrace_name and specs.constant(source) == "":
            raise InputError(
                f"headrace submit: --run-id is {run_id!r}, but {node.label!r} knows earlier runs "
                f"of the pipeline by names such as '{prefix}-20260102030405'. Leave --run-id out, "
                "take one of that form, or give the task a `search_root`."
            )


def _to_the_end(method: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a method that waits for the operation which `method` begins."""

    def call(**arguments: Any) -> Any:
        operation = method(**arguments)
        try:
            return operation.result(timeout=CALL_SECONDS)
        except TimeoutError as error:
            raise PlatformError(
                f"vertex: {operation.operation.name} is not done after {CALL_SECONDS} s. It goes "
                "on; list again later."
            ) from error

    return call
