"""Data that passes between the parts of the local backend: artifacts, inputs, results."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from headrace.lineage.summaries import Metric, RunSummary, TaskArtifact, summary_of
from headrace.lineage.verdicts import Verdict
from headrace_components.contract.errors import ComponentError, PlatformError

TaskState = Literal["done", "cached", "skipped", "failed"]
RunState = Literal["succeeded", "failed", "interrupted"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RuntimeArtifact:
    """An artifact that a task made or an importer named.

    Attributes:
        uri: Where it lives: an absolute path, or a URI that an importer gave.
        type: Schema title, such as `tfx.Examples`.
        metadata: Flat properties.
        id: Its identifier in the lineage database; None before it is recorded.
        fingerprint: The part of a cache key for its contents, beside the URI: a resumed run may
            write it again, and an imported file may change under its name.
        port: The output port that it was made for; empty if it comes from an importer.
    """

    uri: str
    type: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None
    fingerprint: str = ""
    port: str = ""

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: a page as it is, otherwise the properties."""
        from headrace.display.notebook_tables import artifact_html

        return artifact_html(self)

    def to_json(self) -> dict[str, Any]:
        """Returns the artifact as JSON data."""
        return {
            "uri": self.uri,
            "type": self.type,
            "metadata": dict(self.metadata),
            "id": self.id,
            "fingerprint": self.fingerprint,
            "port": self.port,
        }


ArtifactsByPort = Mapping[str, tuple[RuntimeArtifact, ...]]
"""Artifacts by port; a port may carry several."""


def artifacts_to_json(artifacts: ArtifactsByPort) -> dict[str, Any]:
    """Returns artifacts by port as JSON data."""
    return {port: [artifact.to_json() for artifact in found] for port, found in artifacts.items()}


def artifacts_from_json(data: Mapping[str, Any]) -> dict[str, tuple[RuntimeArtifact, ...]]:
    """Reads the result of `artifacts_to_json`."""
    return {
        # Earlier versions of Headrace did not write the port.
        port: tuple(RuntimeArtifact(**{"port": port, **entry}) for entry in found)
        for port, found in data.items()
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskInputs:
    """Values for the input ports of one task. An optional port without a value is not there.

    Attributes:
        parameters: Values of parameters by name.
        artifacts: Artifacts by port.
        values: The artifacts of those parameters that are the value of an earlier task, as lineage
            has them.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: ArtifactsByPort = field(default_factory=dict)
    values: ArtifactsByPort = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFailure:
    """Why a task failed.

    Attributes:
        task: Path of the task within the pipeline, such as `for-loop-1/0/trainer`.
        kind: `input`: the author can fix it, a retry cannot help. `platform`: a retry may help.
            `crash`: the task ended without giving a reason.
        message: The reason, in the task's own words if it gave any.
        log: The task's log file; None if the task did not start.
    """

    task: str
    kind: Literal["input", "platform", "crash"]
    message: str
    log: Path | None = None

    @classmethod
    def of(cls, error: ComponentError, task: str, log: Path | None) -> "TaskFailure":
        """Returns the failure of a task from an error of the backend itself."""
        kind: Literal["input", "platform"] = (
            "platform" if isinstance(error, PlatformError) else "input"
        )
        return cls(task=task, kind=kind, message=str(error), log=log)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskResult:
    """How a task, or a DAG of tasks, ended.

    Attributes:
        state: Whether later tasks may count on it.
        parameters: Output parameters by name.
        artifacts: Output artifacts by port.
        failure: The first failure, if `state` is `failed`; for a skipped task, the failure that
            it was skipped for, if any.
        ran_nothing: All tasks of a DAG were skipped.
        uncollected: What is wrong with outputs that come from a loop, by name: a round is missing,
            or all are.
    """

    state: Literal["succeeded", "failed", "skipped"]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: ArtifactsByPort = field(default_factory=dict)
    failure: TaskFailure | None = None
    ran_nothing: bool = False
    uncollected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskOutcome:
    """How one task of a run ended, for reports.

    Attributes:
        name: Path of the task within the pipeline, such as `for-loop-1/0/trainer`.
        state: `cached` covers a task that an earlier attempt at this run had finished.
        seconds: Wall time.
        reason: Why it was skipped or failed.
        log: Its log file, if it ran.
        parameters: Output parameters by name.
        artifacts: Output artifacts by port.
        execution: Number of its execution in lineage; None if it was skipped or failed.
    """

    name: str
    state: TaskState
    seconds: float = 0.0
    reason: str | None = None
    log: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: ArtifactsByPort = field(default_factory=dict)
    execution: int | None = None

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: the outputs, to be opened."""
        from headrace.display.notebook_tables import outputs_html

        return outputs_html(self.name, self.state, self.artifacts, self.parameters)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        pipeline: Name of the pipeline.
        run_id: The run's name under `<root>/<pipeline>/`.
        state: `failed` if any task failed, even one whose failure a later task ignored. Where the
            rules are Kubeflow's, exit tasks do not count.
        directory: `<root>/<pipeline>/<run_id>`.
        seconds: Wall time.
        tasks: The tasks that ended, in that order.
        failures: The tasks that failed, and why.
        parameters: Output parameters of the pipeline.
        artifacts: Output artifacts of the pipeline.
        pipeline_source: The file that it was started from, with the function; empty if it was
            started from Python.
    """

    pipeline: str
    run_id: str
    state: RunState
    directory: Path
    seconds: float
    tasks: tuple[TaskOutcome, ...]
    failures: tuple[TaskFailure, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: ArtifactsByPort = field(default_factory=dict)
    pipeline_source: str = ""

    @property
    def logs(self) -> Path:
        """The directory of the tasks' log files."""
        return self.directory / "logs"

    @property
    def resume_command(self) -> str:
        """The command that finishes this run; after a failure, with the code at that time."""
        code = [self.pipeline_source] if self.pipeline_source and self.state == "failed" else []
        root = str(self.directory.parent.parent)
        return shlex.join(["headrace", "run", *code, "--root", root, "--resume", self.run_id])

    @property
    def summary(self) -> RunSummary:
        """What its tasks found out: verdicts and metrics."""
        return summary_of(
            TaskArtifact(
                task=task.name,
                port=port,
                type=artifact.type,
                uri=artifact.uri,
                metadata=artifact.metadata,
            )
            for task in self.tasks
            for port, artifacts in task.artifacts.items()
            for artifact in artifacts
        )

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of its tasks on models and data, in the order of the tasks."""
        return self.summary.verdicts

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of its tasks, the most important first."""
        return self.summary.metrics

    @property
    def pushed_models(self) -> tuple[str, ...]:
        """The paths of the models that this run pushed."""
        return tuple(
            str(artifact.metadata["pushed_destination"])
            for task in self.tasks
            for artifacts in task.artifacts.values()
            for artifact in artifacts
            if artifact.type.endswith("PushedModel") and artifact.metadata.get("pushed")
        )

    @property
    def reports(self) -> tuple[str, ...]:
        """The paths of the report pages of this run's tasks, in the order of the tasks."""
        return tuple(
            artifact.uri
            for task in self.tasks
            for artifacts in task.artifacts.values()
            for artifact in artifacts
            if artifact.type == "system.HTML"
        )

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: how it ended, and its reports."""
        # Imported here: only notebooks need it.
        from headrace.display.notebook import result_html

        return result_html(self)
