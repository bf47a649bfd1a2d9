"""Records of many artifacts of a store at once, such as all models with what came of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.lineage.records import ArtifactRef, Execution, Id
from headrace.lineage.summaries import RunSummary


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredArtifact:
    """An artifact with the task that made it.

    Attributes:
        id: Its id in the store.
        type: Type without `tfx.`, such as `Examples`.
        uri: Where it is.
        created: When it was recorded, ISO 8601 in UTC.
        metadata: Its properties, declared and custom.
        pipeline: Name of the pipeline; empty for an artifact from outside.
        run_id: The run that made it; empty if the store names none.
        task: The task that made it; empty for an artifact from outside.
    """

    id: Id
    type: str
    uri: str
    created: str
    metadata: Mapping[str, Any]
    pipeline: str
    run_id: str
    task: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Push:
    """A push of a model.

    Attributes:
        artifact: The record of the pushed model.
        time: When it was recorded, ISO 8601 in UTC.
        place: What the model was pushed to, without its version; empty if it was not pushed.
        destination: The version at that place.
        is_newest: Whether nothing was pushed to the place after it.
    """

    artifact: ArtifactRef
    time: str
    place: str
    destination: str
    is_newest: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelHistory:
    """A model, and what came of it.

    Attributes:
        model: The model.
        summary: The verdicts on it, and its metrics; the task of each is a component's name.
        evaluations: The evaluations of it, oldest first.
        pushes: Where it was pushed, oldest first.
    """

    model: StoredArtifact
    summary: RunSummary
    evaluations: Sequence[ArtifactRef]
    pushes: Sequence[Push]


@dataclass(frozen=True, kw_only=True, slots=True)
class Descendants:
    """What was made of an artifact, directly or not.

    Attributes:
        executions: Executions, those that are nearer to the artifact first.
        is_complete: Whether these are all of them.
    """

    executions: Sequence[Execution]
    is_complete: bool
