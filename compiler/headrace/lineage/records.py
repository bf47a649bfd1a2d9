"""The records of `headrace lineage` on runs, tasks and artifacts.

The JSON that `--json` prints has these fields, under these names, in this order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Id = int | str
"""A number in ML Metadata, a text in clusters of Kubeflow that have left it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineRun:
    """One run of a pipeline.

    Attributes:
        run_id: Name of the run, unique in the store.
        pipeline: Name of the pipeline.
        state: running, complete, failed, canceled, interrupted (its process was killed), or
            unknown, for a run of a cluster whose metadata store has no task of it.
        started: When it first started, ISO 8601 in UTC.
        seconds: From the first start to the end, pauses before a resume included; None before
            the end.
        tasks: Number of executions by state: done, cached, failed, running, canceled.
        parameters: The run's parameters; empty for a run of TFX, which does not record them.
    """

    run_id: str
    pipeline: str
    state: str
    started: str
    seconds: float | None
    tasks: Mapping[str, int]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRef:
    """An artifact by name.

    Attributes:
        id: Its id in the store.
        type: Type without `tfx.`, such as `Examples`.
        uri: Where it is.
        verdict: Its decision, such as `not blessed`; empty for most.
    """

    id: Id
    type: str
    uri: str
    verdict: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One execution of a task.

    Attributes:
        id: Its id in the store.
        run_id: The run of the execution; empty if the store names none.
        task: Name of the task in the pipeline.
        component: Name of the component, such as `trainer`.
        state: done, cached, failed, running or canceled.
        started: ISO 8601 in UTC.
        seconds: Duration; None while it runs.
        parameters: Values by name; lists and dicts as JSON text.
        inputs: Artifacts read, by port.
        outputs: Artifacts written, or found in the cache, by port.
        reason: Why it failed; None if it did not fail.
    """

    id: Id
    run_id: str
    task: str
    component: str
    state: str
    started: str
    seconds: float | None
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Sequence[ArtifactRef]]
    outputs: Mapping[str, Sequence[ArtifactRef]]
    reason: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactLineage:
    """An artifact with its producer and consumers.

    Attributes:
        id: Its id in the store.
        type: Type without `tfx.`, such as `Examples`.
        uri: Where it is.
        created: When it was recorded, ISO 8601 in UTC.
        metadata: Its properties, declared and custom.
        producer: The execution that wrote it; None for an artifact from outside.
        consumers: The executions that read it, oldest first.
        reused_by: Executions that took it from the cache or handed it on, oldest first.
        ancestors: Every execution that the artifact goes back to, oldest first, so raw data first;
            the producer is the last.
    """

    id: Id
    type: str
    uri: str
    created: str
    metadata: Mapping[str, Any]
    producer: Execution | None
    consumers: Sequence[Execution]
    reused_by: Sequence[Execution]
    ancestors: Sequence[Execution]


def short_uri(uri: str, root: Path) -> str:
    """Returns `uri` relative to `root` if it is under it."""
    prefix = f"{root.absolute()}/"
    return uri.removeprefix(prefix)
