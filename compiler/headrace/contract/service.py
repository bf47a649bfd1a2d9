"""The requests to what runs pipelines, and its answers.

`headrace submit`, `headrace runs`, `headrace schedules` and the pages only use these types. Each
target has a `Runs` that answers for it, this machine too: `Target.runs` returns it. That of a
service is a `Remote`, which also starts runs: `Target.connect` returns it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from headrace.contract.compiled import Compiled
from headrace.contract.run_filter import EVERY_RUN, RunFilter
from headrace.lineage.summaries import RunSummary, TaskArtifact, summary_of
from headrace_components.contract.errors import PlatformError

ServiceTaskState = Literal["waiting", "running", "done", "cached", "skipped", "cancelled", "failed"]
ServiceRunState = Literal[
    "waiting", "running", "paused", "cancelling", "succeeded", "failed", "cancelled", "interrupted"
]
"""A run on this machine that ended early is `interrupted`: it can be resumed."""

ScheduleState = Literal["active", "paused", "completed"]

ENDED: frozenset[str] = frozenset({"done", "cached", "skipped", "cancelled", "failed"})
"""States that a task keeps."""


LONG_WAIT_SECONDS = 30.0
"""If a task waits longer for its pod or machine, this is shown, with the reason."""


class ContactLostError(PlatformError):
    """The service cannot be reached or is too busy, maybe only for a while; its runs go on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A pipeline that is to run.

    Attributes:
        compiled: The pipeline as its target takes it.
        parameters: Values of run parameters by name, from the profile and the command line, checked
            against their types, with modules packed. Other parameters have the pipeline's defaults.
        run_id: The name for the run; empty leaves it to the backend.
        use_cache: Whether a task may be answered by an earlier one like it.
        fingerprints: A line on how caches learn the contents of input files; empty if no task needs
            that.
    """

    compiled: Compiled
    parameters: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    use_cache: bool = True
    fingerprints: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """When runs of a schedule start.

    Attributes:
        name: The name of the schedule.
        cron: Five fields of cron, such as `0 3 * * 1-5`.
        timezone: IANA name of the time zone that `cron` is read in.
        start: No run starts before; None for no limit. It has a time zone, like `end`.
        end: No run starts after this time; None if there is no end.
        max_concurrent: How many of its runs may be under way at once, at least 1.
        catch_up: Whether runs are made up for that were missed while the schedule was paused, or
            all of `max_concurrent` under way.
    """

    name: str
    cron: str
    timezone: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    max_concurrent: int = 1
    catch_up: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RunArtifact:
    """An artifact that a task read or made.

    Attributes:
        type: Schema title, such as `tfx.Examples` or `system.Metrics`.
        uri: Where it is.
        metadata: Its properties.
    """

    type: str
    uri: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceTask:
    """A task of a run that runs something: not a DAG, and not a task that contains others.

    Attributes:
        name: Path within the pipeline, such as `for-loop-1/0/trainer`; unique in the run.
        state: `cached` was answered by an earlier task; `skipped` was not needed.
        seconds: Wall time, until now if it runs.
        pending_seconds: How long it has waited for its machine or pod to start; 0 if it does not
            wait, or if the service does not say.
        message: Why it failed, why it waits, or why it was tried again; empty otherwise.
        notices: Its verdicts, for example that a model is not blessed, and its job on Beam; as far
            as they can be read.
        log: Link to its log, or its file; empty if there is none yet.
        component: Name of its component, such as `trainer`; empty if it is not known.
        started: When it started; None before, and if it is not known.
        reason: Why it was skipped, or answered by an earlier task; empty otherwise.
        parameters: Values of its parameters, in the form of `shown`; empty before it starts, and if
            they are not known, like the next three.
        inputs: The artifacts that it read, by port.
        outputs: The artifacts that it made, or took from an earlier task, by port.
        values: Its output parameters.
    """

    name: str
    state: ServiceTaskState
    seconds: float = 0.0
    pending_seconds: float = 0.0
    message: str = ""
    notices: tuple[str, ...] = ()
    log: str = ""
    component: str = ""
    started: datetime | None = None
    reason: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Sequence[RunArtifact]] = field(default_factory=dict)
    outputs: Mapping[str, Sequence[RunArtifact]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceRun:
    """A run, in its state at the time of the request.

    Attributes:
        id: The ID for `headrace runs`.
        name: The name that people see: the display name, or the pipeline's.
        state: Where it stands.
        link: Its page for people; its directory, for a run on this machine.
        created: Time of its creation; None if the service does not say.
        seconds: Wall time since then, until now if it is running.
        tasks: Its tasks, as far as they are known, in the order of their start. Lists of runs leave
            them out.
        message: Why it failed as a whole; empty otherwise.
        pipeline: Name of the pipeline; empty if the service does not say.
        parameters: Values of its parameters, in the form of `shown`; as far as they are known.
        source: The file that the pipeline was read from, with the function; empty if it is not
            known.
        summary: Its verdicts and metrics, as far as they are known; in a list only if that needs no
            request for each run.
    """

    id: str
    name: str
    state: ServiceRunState
    link: str
    created: datetime | None = None
    seconds: float = 0.0
    tasks: tuple[ServiceTask, ...] = ()
    message: str = ""
    pipeline: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    summary: RunSummary = field(default_factory=RunSummary)

    @property
    def is_over(self) -> bool:
        """Whether its state is final; a run that was interrupted may be resumed all the same."""
        return self.state in ("succeeded", "failed", "cancelled", "interrupted")


def summary_of_tasks(tasks: Iterable[ServiceTask]) -> RunSummary:
    """Returns what came of a run, from the outputs of its tasks."""
    return summary_of(
        TaskArtifact(
            task=task.name,
            port=port,
            type=artifact.type,
            uri=artifact.uri,
            metadata=artifact.metadata,
        )
        for task in tasks
        for port, artifacts in task.outputs.items()
        for artifact in artifacts
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSource:
    """What a run runs.

    Attributes:
        spec: The pipeline, as `PipelineSpec` data.
        parameters: Values of the run's parameters that are known, with the code packed.
        environment: What it runs in, by names for people.
    """

    spec: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A schedule, in its state at the time of the request.

    Attributes:
        id: The ID for `headrace schedules`.
        name: The name that people see.
        state: `completed` starts no more runs.
        cron: When it starts runs, with its time zone if that is not UTC.
        link: Its page for people.
        next_run: When it starts the next one; None for never or unknown.
    """

    id: str
    name: str
    state: ScheduleState
    cron: str
    link: str
    next_run: datetime | None = None


class Runs(Protocol):
    """The runs of a root on this machine, or of a project or namespace of a service.

    `run_id` is a whole ID; `run_names.resolved` finds it from what people write. Calls that a
    service is too busy for are made again, a bounded number of times. Making it, and every call,
    may raise:
        InputError: What was asked for cannot be done, and the caller can mend it. The message names
            what came, what is needed, and the next step.
        PlatformError: The service cannot be reached or stays busy, or this account may not; or the
            root cannot be read.
    """

    def describe(self, run_id: str) -> ServiceRun:
        """Returns a run with its tasks."""

    def source(self, run_id: str) -> RunSource:
        """Returns what a run runs."""

    def log(self, run_id: str, task: str) -> str | None:
        """Returns the output of a task so far, or None if there is nothing to read."""

    def runs(self, limit: int | None, which: RunFilter = EVERY_RUN) -> Sequence[ServiceRun]:
        """Returns the latest runs, without their tasks, the newest first.

        Args:
            limit: The most that are returned; None for all.
            which: Those that count.
        """

    def ids(self, prefix: str) -> Sequence[str]:
        """Returns the IDs that begin with a prefix, the newest first; a whole ID alone."""

    def cancel(self, run_id: str) -> None:
        """Asks for a run to end, which takes a while. A finished run stays unchanged."""

    def delete(self, run_id: str, *, force: bool = False) -> None:
        """Deletes a run that is over.

        On this machine that is its directory, artifacts included. A service deletes its record; the
        artifacts stay.

        Args:
            run_id: The run.
            force: Whether to delete artifacts that other runs have taken from the cache.
        """


class Remote(Runs, Protocol):
    """A service that runs pipelines, with a project or namespace in it."""

    def submit(self, order: Order) -> ServiceRun:
        """Starts a run; a call that was carried out but not answered starts no second one."""

    def schedule(self, order: Order, timing: Timing) -> Schedule:
        """Makes a schedule. `order.run_id` is of no use: each run gets its own."""

    def schedules(self) -> Sequence[Schedule]:
        """Returns all schedules, the newest first."""

    def pause(self, schedule_id: str) -> None:
        """Lets a schedule start no more runs until it is resumed; current runs go on."""

    def resume(self, schedule_id: str) -> None:
        """Lets a paused schedule start runs again; those missed if it was made to catch up."""

    def delete_schedule(self, schedule_id: str) -> None:
        """Deletes a schedule; its runs stay."""
