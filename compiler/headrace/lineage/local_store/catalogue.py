"""Questions about many artifacts of a store at once, answered with few queries."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.lineage.local_store.messages import NODE, event_kind, path_steps, values
from headrace.lineage.local_store.recorded import metadata_of, ref_of
from headrace.lineage.records import Id
from headrace.lineage.stored_artifacts import ModelHistory, Push, StoredArtifact
from headrace.lineage.summaries import TaskArtifact, summary_of
from headrace.lineage.times import timestamp
from headrace.lineage.types import component_of

_INFRA_PORT = "infra_blessing"
_MODEL_PORTS = ("model", "models")
# What says something about a model that an execution made or read.
_JUDGING = frozenset(
    {
        "ModelBlessing",
        "InfraBlessing",
        "PushedModel",
        "ModelEvaluation",
        "ModelRun",
        "system.Metrics",
    }
)
_FOUND = "found"
"""A later run that found the artifact adds this; it says nothing about the run that made it."""

_IS_SET = ("1", "1.0")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Result:
    """An output of an execution that made or read a model."""

    component: str
    artifact: Any


def artifacts_of_type(store: Any, name: str, limit: int) -> list[StoredArtifact]:
    """Returns the latest artifacts of a type, newest first."""
    found = _newest(store.get_artifacts_by_type(name), limit)
    return _stored(store, found)


def model_histories(store: Any, limit: int) -> list[ModelHistory]:
    """Returns the latest models with their verdicts, metrics and pushes, newest first.

    After the `limit` latest, there are the older ones of which a push is the newest at its place.
    """
    every = _newest(
        [
            each
            for each in store.get_artifacts_by_type("Model")
            if str(metadata_of(each).get(_FOUND)) != "0"  # a resolver that found none leaves one
        ],
        None,
    )
    if not every:
        return []
    newest = _newest_pushes(store)
    in_service = _models_behind(store, newest)
    models = [*every[:limit], *(each for each in every[limit:] if each.id in in_service)]
    makers, readers = _around(store, [each.id for each in models], ports=_MODEL_PORTS)
    outputs = _outputs(store, {*makers.values(), *(one for ids in readers.values() for one in ids)})
    # A pusher may get the model by way of the verdict of a server.
    infra = [
        each.artifact.id
        for results in outputs.values()
        for each in results
        if each.artifact.type == "InfraBlessing"
    ]
    _, later = _around(store, infra, ports=(_INFRA_PORT,))
    outputs |= _outputs(store, {one for ids in later.values() for one in ids})
    histories = []
    for model in _stored(store, models):
        found: dict[int, _Result] = {}
        maker = makers.get(int(model.id))
        to_visit = [*([] if maker is None else [maker]), *readers.get(int(model.id), ())]
        for execution in to_visit:
            results = outputs.get(execution, ())
            if execution != maker and any(each.artifact.type == "Model" for each in results):
                continue  # a converter judges the model that it makes
            for result in results:
                found[result.artifact.id] = result
                to_visit += later.get(result.artifact.id, ())
        histories.append(_history(model, [found[key] for key in sorted(found)], newest))
    return histories


def _history(
    model: StoredArtifact, results: Sequence[_Result], newest: Collection[int]
) -> ModelHistory:
    artifacts = [
        TaskArtifact(
            task=each.component,
            port="",
            type=each.artifact.type,
            uri=each.artifact.uri,
            metadata=_own_metadata(each.artifact),
        )
        for each in results
        if each.artifact.type in _JUDGING
    ]
    return ModelHistory(
        model=model,
        summary=summary_of(artifacts),
        evaluations=[
            ref_of(each.artifact) for each in results if each.artifact.type == "ModelEvaluation"
        ],
        pushes=[
            _push(each.artifact, is_newest=each.artifact.id in newest)
            for each in results
            if each.artifact.type == "PushedModel" and _place(metadata_of(each.artifact))
        ],
    )


def _push(artifact: Any, *, is_newest: bool) -> Push:
    metadata = metadata_of(artifact)
    return Push(
        artifact=ref_of(artifact),
        time=timestamp(artifact.create_time_since_epoch),
        place=_place(metadata),
        destination=str(metadata.get("pushed_destination", "")),
        is_newest=is_newest,
    )


def _newest_pushes(store: Any) -> set[int]:
    """Returns the ids of the pushed models after which nothing was pushed to the same place."""
    newest: dict[str, int] = {}
    for artifact in _newest(store.get_artifacts_by_type("PushedModel"), None):
        place = _place(metadata_of(artifact))
        if place:
            newest.setdefault(place, artifact.id)
    return set(newest.values())


def _models_behind(store: Any, artifacts: Collection[int]) -> set[int]:
    """Returns the models that were read to make pushed models, or verdicts of servers."""
    makers, _ = _around(store, sorted(artifacts), ports=())
    ids = sorted(set(makers.values()))
    events = store.get_events_by_execution_ids(ids) if ids else []
    read = [
        (port, event.artifact_id)
        for event in events
        if event_kind(event) == "INPUT"
        for port, _ in path_steps(event)
    ]
    models = {artifact for port, artifact in read if port in _MODEL_PORTS}
    verdicts = {artifact for port, artifact in read if port == _INFRA_PORT} - set(artifacts)
    return models | (_models_behind(store, verdicts) if verdicts else set())


def _place(metadata: Mapping[str, Any]) -> str:
    if str(metadata.get("pushed")) not in _IS_SET:
        return ""
    for name in ("endpoint", "url"):
        if metadata.get(name):
            return str(metadata[name])
    place, _, version = str(metadata.get("pushed_destination", "")).rstrip("/").rpartition("/")
    return place or version


def _around(
    store: Any, ids: Sequence[int], ports: Collection[str]
) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Returns for each artifact the execution that made it, and those that read it at `ports`."""
    makers: dict[int, int] = {}
    readers: dict[int, list[int]] = {}
    events = store.get_events_by_artifact_ids(ids) if ids else []
    for event in sorted(events, key=lambda each: each.execution_id):
        kind = event_kind(event)
        if kind == "OUTPUT":
            makers.setdefault(event.artifact_id, event.execution_id)
        elif kind == "INPUT" and any(port in ports for port, _ in path_steps(event)):
            readers.setdefault(event.artifact_id, []).append(event.execution_id)
    return makers, readers


def _outputs(store: Any, executions: Collection[int]) -> dict[int, list[_Result]]:
    """Returns what executions wrote, by their ids."""
    if not executions:
        return {}
    ids = sorted(executions)
    components = {each.id: component_of(each.type) for each in store.get_executions_by_id(ids)}
    pairs = [
        (event.execution_id, event.artifact_id)
        for event in store.get_events_by_execution_ids(ids)
        if event_kind(event) == "OUTPUT"
    ]
    wanted = sorted({artifact for _, artifact in pairs})
    artifacts = {each.id: each for each in store.get_artifacts_by_id(wanted)} if wanted else {}
    found: dict[int, list[_Result]] = {}
    for execution, artifact in pairs:
        result = _Result(component=components[execution], artifact=artifacts[artifact])
        found.setdefault(execution, []).append(result)
    return found


def _newest(artifacts: Iterable[Any], limit: int | None) -> list[Any]:
    ordered = sorted(artifacts, key=lambda each: (each.create_time_since_epoch, each.id))
    return ordered[::-1][:limit]


def _stored(store: Any, artifacts: Sequence[Any]) -> list[StoredArtifact]:
    makers, _ = _around(store, [each.id for each in artifacts], ports=())
    ids = sorted(set(makers.values()))
    executions = {each.id: each for each in (store.get_executions_by_id(ids) if ids else [])}
    names = {one: _names(store, executions[one]) for one in ids if one in executions}
    found = []
    for each in artifacts:
        pipeline, run_id, task = names.get(makers.get(each.id, 0), ("", "", ""))
        found.append(
            StoredArtifact(
                id=each.id,
                type=each.type,
                uri=each.uri,
                created=timestamp(each.create_time_since_epoch),
                metadata=metadata_of(each),
                pipeline=pipeline,
                run_id=run_id,
                task=task,
            )
        )
    return found


def _names(store: Any, execution: Any) -> tuple[str, str, str]:
    """Returns the pipeline, run and task of an execution."""
    names = {each.type: each.name for each in store.get_contexts_by_execution(execution.id)}
    pipeline = names.get("pipeline", "")
    task = str(values(execution.custom_properties).get(NODE, ""))
    return (
        pipeline,
        names.get("pipeline_run", ""),
        task or names.get("node", "").removeprefix(f"{pipeline}."),
    )


def _own_metadata(artifact: Any) -> dict[str, Any]:
    """Returns what the execution that made an artifact said of it."""
    return {name: value for name, value in metadata_of(artifact).items() if name != _FOUND}


def next_executions(store: Any, ids: Collection[Id]) -> list[int]:
    """Returns the ids of the executions that read one of the artifacts, the first ones first."""
    events = store.get_events_by_artifact_ids(sorted(ids)) if ids else []
    return sorted({each.execution_id for each in events if event_kind(each) == "INPUT"})
