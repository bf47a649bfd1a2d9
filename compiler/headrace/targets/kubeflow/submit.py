"""Runs pipelines on Kubeflow Pipelines: runs, and recurring runs for schedules."""

import functools
import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from headrace.contract.run_filter import EVERY_RUN, RunFilter
from headrace.contract.service import (
    Order,
    RunSource,
    Schedule,
    ServiceRun,
    ServiceTask,
    Timing,
)
from headrace.ir import specs
from headrace.profiles.profile import Profile
from headrace.targets.kubeflow import connection, pipelines_api
from headrace.targets.kubeflow.cluster_state import ClusterState
from headrace.targets.kubeflow.explaining import Explainer
from headrace.targets.kubeflow.lineage.rest import ApiSource
from headrace.targets.kubeflow.package import package_of
from headrace.targets.kubeflow.pod_logs import PodLogs
from headrace.targets.kubeflow.records import (
    ENDED,
    given_parameters,
    has_ended,
    is_cancelled,
    run_of,
    schedule_of,
)
from headrace.targets.kubeflow.settings import Kubeflow
from headrace.targets.kubeflow.tasks import (
    Started,
    settled,
    tasks_of_executions,
    tasks_of_nodes,
    with_those_to_come,
)
from headrace.targets.remote.run_parameters import known_parameters
from headrace_components.contract.errors import InputError

T = TypeVar("T")

_PAGE_SIZE = 100
_WHOLE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def connect(profile: Profile) -> "KubeflowRemote":
    """Returns the installation that the profile names.

    Raises:
        InputError: What is at `host` is not the API, or would get a token without encryption.
        PlatformError: The installation cannot be reached, or wants other credentials.
    """
    address = connection.address_of(profile)
    return KubeflowRemote(pipelines_api.connect(address), address, profile.table_of(Kubeflow))


class KubeflowRemote:
    """An installation of Kubeflow Pipelines: a `headrace.contract.service.Remote`."""

    def __init__(self, kfp: Any, address: connection.Address, settings: Kubeflow) -> None:
        self.kfp = kfp
        self.address = address
        self._settings = settings
        self._sent: dict[str, Any] = {}
        self._logs = PodLogs(kfp, address)

    def submit(self, order: Order) -> ServiceRun:
        """Starts a run."""
        name = order.run_id or self._default_name(order)
        experiment = self._experiment
        before = {run.run_id for run in self._named(name, experiment)}

        def start(package: str) -> Any:
            return self.kfp.run_pipeline(
                experiment_id=experiment,
                job_name=name,
                pipeline_package_path=package,
                params=dict(order.parameters),
                pipeline_root=self._settings.pipeline_root or None,
                service_account=self._settings.service_account or None,
            )

        def find_result() -> Any:
            runs = self._named(name, experiment)
            return next((run for run in runs if run.run_id not in before), None)

        with package_of(order) as package:
            made = self._call(lambda: start(package), f"run {name!r}", find_result)
        return run_of(made, self.address)

    def describe(self, run_id: str) -> ServiceRun:
        """Returns a run with its tasks."""
        found = self.fetch(run_id)
        tasks = self._tasks(found)
        has_failed = str(found.state) == "FAILED" and not is_cancelled(found)
        message = self._explainer.run(found, tasks) if has_failed else ""
        return run_of(found, self.address, tasks, message, self.pipeline_of(found))

    def source(self, run_id: str) -> RunSource:
        """Returns what a run runs."""
        found = self.fetch(run_id)
        spec = self.pipeline_of(found)
        return RunSource(spec=spec, parameters=known_parameters(spec, given_parameters(found)))

    def runs(self, limit: int | None, which: RunFilter = EVERY_RUN) -> Sequence[ServiceRun]:
        """Returns the latest runs, the newest first."""
        # A filter may leave out any number.
        listed = self.latest(limit if which == EVERY_RUN else None)
        found = (run_of(each, self.address) for each in listed)
        return list(islice(filter(which.takes, found), limit))

    def ids(self, prefix: str) -> Sequence[str]:
        """Returns the IDs that begin with a prefix, the newest first; a whole ID alone."""
        if _WHOLE_ID.fullmatch(prefix):
            return [prefix]
        return [run.run_id for run in self.latest(None) if run.run_id.startswith(prefix)]

    def log(self, run_id: str, task: str) -> str | None:
        """Returns the output of a task's latest attempt."""
        found = self.fetch(run_id)
        for started in self._started(found):
            if started.task.name == task:
                return self._logs.of(run_id, started, self._sent_of(found))
        return None

    def cancel(self, run_id: str) -> None:
        """Asks for a run to end."""
        if not run_of(self.fetch(run_id), self.address).is_over:
            self._call(lambda: self.kfp.terminate_run(run_id), f"run {run_id!r}")

    def delete(self, run_id: str, *, force: bool = False) -> None:  # noqa: ARG002  no artifacts
        """Deletes the record of a run that is over."""
        if not run_of(self.fetch(run_id), self.address).is_over:
            raise InputError(
                f"kubeflow: run {run_id!r} is under way, and only one that is over can be deleted. "
                f"Cancel it first: headrace runs cancel {run_id} --target kubeflow."
            )
        self._call(lambda: self.kfp.delete_run(run_id), f"run {run_id!r}")

    def schedule(self, order: Order, timing: Timing) -> Schedule:
        """Makes a recurring run."""
        if timing.timezone != "UTC":
            raise InputError(
                f"kubeflow: the time zone is {timing.timezone!r}, but recurring runs of Kubeflow "
                "Pipelines know only that of their controller, which is UTC. Give --schedule in "
                "UTC and leave out --timezone."
            )
        name = timing.name or specs.pipeline_name(order.compiled.spec)
        if present := self._active(name):
            raise InputError(
                f"headrace submit: there is a schedule {name!r} already, and two of a pipeline "
                "would run everything twice. Delete it: `headrace schedules delete --target "
                f"kubeflow {present.recurring_run_id}`, or pass another --schedule-name."
            )

        def make(package: str) -> Any:
            return self.kfp.create_recurring_run(
                experiment_id=self._experiment,
                job_name=name,
                start_time=_rfc3339(timing.start),
                end_time=_rfc3339(timing.end),
                # robfig/cron's form: seconds first.
                cron_expression=f"0 {timing.cron}",
                max_concurrency=timing.max_concurrent,
                no_catchup=not timing.catch_up,
                params=dict(order.parameters),
                pipeline_package_path=package,
                pipeline_root=self._settings.pipeline_root or None,
                service_account=self._settings.service_account or None,
            )

        with package_of(order) as package:
            made = self._call(
                lambda: make(package), f"recurring run {name!r}", lambda: self._active(name)
            )
        return schedule_of(made, self.address)

    def schedules(self) -> Sequence[Schedule]:
        """Returns all recurring runs, the newest first."""
        return [schedule_of(each, self.address) for each in self._recurring_runs()]

    def pause(self, schedule_id: str) -> None:
        """Disables a recurring run."""
        what = f"recurring run {schedule_id!r}"
        self._call(lambda: self.kfp.disable_recurring_run(schedule_id), what)

    def resume(self, schedule_id: str) -> None:
        """Enables a recurring run."""
        what = f"recurring run {schedule_id!r}"
        self._call(lambda: self.kfp.enable_recurring_run(schedule_id), what)

    def delete_schedule(self, schedule_id: str) -> None:
        """Deletes a recurring run."""
        what = f"recurring run {schedule_id!r}"
        self._call(lambda: self.kfp.delete_recurring_run(schedule_id), what)

    def fetch(self, run_id: str) -> Any:
        """Returns a run as `V2beta1Run`."""
        return self._call(lambda: self.kfp.get_run(run_id), f"run {run_id!r}")

    def latest(self, limit: int | None) -> Iterator[Any]:
        """Yields the latest runs as `V2beta1Run`, the newest first."""
        return self._pages("runs", self.kfp.list_runs, limit)

    def _call(
        self,
        function: Callable[[], T],
        what: str,
        find_result: Callable[[], T | None] | None = None,
    ) -> T:
        return pipelines_api.call(function, self.address, what, find_result=find_result)

    @functools.cached_property
    def namespace(self) -> str | None:
        """The namespace of runs, or None if users do not have namespaces."""
        health = self._call(self.kfp.get_kfp_healthz, "the service")
        return self._settings.namespace if health.multi_user else None

    @functools.cached_property
    def _experiment(self) -> str:
        """ID of the experiment, which is made if it is not there."""
        name = self._settings.experiment or "Default"
        found = self._call(
            lambda: self.kfp.create_experiment(name=name, namespace=self.namespace),
            f"experiment {name!r}",
        )
        return str(found.experiment_id)

    def _default_name(self, order: Order) -> str:
        # Names need not be unique for Kubeflow; for people, and to find a run whose start was not
        # answered, they should be.
        name = self._settings.display_name or specs.pipeline_name(order.compiled.spec)
        return f"{name} {datetime.now(UTC):%Y-%m-%d %H:%M:%S} {secrets.token_hex(2)}"

    def _named(self, name: str, experiment: str) -> list[Any]:
        return list(self._pages("runs", self.kfp.list_runs, None, name, experiment_id=experiment))

    def _recurring_runs(self, name: str = "") -> list[Any]:
        ask = self.kfp.list_recurring_runs
        return list(self._pages("recurring_runs", ask, None, name))

    def _active(self, name: str) -> Any:
        """Returns the recurring run of a name that still starts runs, or None."""
        found = self._recurring_runs(name)
        return next((each for each in found if not has_ended(each)), None)

    def _pages(
        self,
        kind: str,
        ask: Callable[..., Any],
        limit: int | None,
        name: str = "",
        **options: Any,
    ) -> Iterator[Any]:
        """Yields the items of a list, page by page."""
        # https://github.com/kubeflow/pipelines/blob/master/backend/api/v2beta1/filter.proto
        named = {"operation": 1, "key": "display_name", "stringValue": name}
        options["filter"] = json.dumps({"predicates": [named]}) if name else None
        # An experiment is in a namespace already.
        options["namespace"] = None if "experiment_id" in options else self.namespace
        token, count = "", 0
        while True:
            size = _PAGE_SIZE if limit is None else min(_PAGE_SIZE, limit - count)
            page = self._call(
                functools.partial(
                    ask, page_token=token, page_size=size, sort_by="created_at desc", **options
                ),
                f"the list of {kind.replace('_', ' ')}",
            )
            found = getattr(page, kind) or []
            yield from found
            count += len(found)
            token = page.next_page_token or ""
            if not token or count == limit:
                return

    @functools.cached_property
    def _explainer(self) -> Explainer:
        pods = self.namespace or self.address.service_namespace or self.address.namespace
        return Explainer(self._logs, ClusterState(pods), pods)

    def pipeline_of(self, run: Any) -> Any:
        """Returns the pipeline of a `V2beta1Run`, which may only contain its name."""
        sent = self._sent_of(run)
        return sent.get("pipeline_spec", sent)

    def _sent_of(self, run: Any) -> Any:
        """Returns the pipeline of a run as it was sent, with Kubernetes settings if it has any."""
        if run.run_id not in self._sent:
            sent = run.pipeline_spec
            version = run.pipeline_version_reference
            if sent is None and version is not None:
                sent = self._call(
                    lambda: self.kfp.get_pipeline_version(
                        version.pipeline_id, version.pipeline_version_id
                    ),
                    f"the pipeline of run {run.run_id!r}",
                ).pipeline_spec
            self._sent[run.run_id] = sent or {}
        return self._sent[run.run_id]

    def _started(self, found: Any) -> list[Started]:
        return tasks_of_nodes(found, self.pipeline_of(found)) if found.run_details else []

    def _tasks(self, found: Any) -> tuple[ServiceTask, ...]:
        is_over = str(found.state) in ENDED
        if found.run_details:
            spec = self._sent_of(found)
            nodes = settled(self._started(found), found) if is_over else self._started(found)
            started = [self._explainer.task(found.run_id, each, spec) for each in nodes]
        elif str(found.state) == "PENDING":
            started = []
        else:
            # A backend without ML Metadata knows tasks as such; kfp's client does not, yet.
            ask = functools.partial(pipelines_api.get_json, self.kfp, self.address)
            started = tasks_of_executions(ApiSource(ask, self.namespace), found.run_id)
        return with_those_to_come(started, self.pipeline_of(found), is_over=is_over)


def _rfc3339(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
