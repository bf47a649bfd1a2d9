"""Makes the records of `headrace lineage` from the messages of a store."""

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.lineage.local_store.messages import (
    NODE,
    event_kind,
    path_steps,
    reason_of,
    values,
)
from headrace.lineage.records import ArtifactRef, Execution
from headrace.lineage.times import timestamp
from headrace.lineage.types import component_of
from headrace.lineage.verdicts import verdict_of

_STATES = {"RUNNING": "running", "COMPLETE": "done", "CACHED": "cached", "FAILED": "failed"}


def executions_of(store: Any, messages: Iterable[Any]) -> list[Execution]:
    """Returns executions in the order in which they started."""
    ordered = sorted(messages, key=lambda message: (message.create_time_since_epoch, message.id))
    if not ordered:
        return []
    events = store.get_events_by_execution_ids([message.id for message in ordered])
    artifacts = {
        artifact.id: ref_of(artifact)
        for artifact in store.get_artifacts_by_id(sorted({event.artifact_id for event in events}))
    }
    own: dict[int, list[Any]] = {}
    for event in events:
        own.setdefault(event.execution_id, []).append(event)
    return [_execution(store, each, own.get(each.id, ()), artifacts) for each in ordered]


def metadata_of(artifact: Any) -> dict[str, Any]:
    """Returns the properties of an artifact, declared and custom."""
    return {**values(artifact.properties), **values(artifact.custom_properties)}


def ref_of(artifact: Any) -> ArtifactRef:
    """Returns an artifact by name."""
    verdict = verdict_of(artifact.type, metadata_of(artifact))
    return ArtifactRef(id=artifact.id, type=artifact.type, uri=artifact.uri, verdict=verdict)


def _execution(
    store: Any, message: Any, events: Iterable[Any], artifacts: Mapping[int, ArtifactRef]
) -> Execution:
    ports: dict[str, dict[str, dict[int, ArtifactRef]]] = {"input": {}, "output": {}}
    for event in events:
        direction = "input" if event_kind(event).endswith("INPUT") else "output"
        for port, index in path_steps(event):
            ports[direction].setdefault(port, {})[index] = artifacts[event.artifact_id]
    names = {context.type: context.name for context in store.get_contexts_by_execution(message.id)}
    state = state_of(message)
    started, ended = message.create_time_since_epoch, message.last_update_time_since_epoch
    properties = {**values(message.properties), **values(message.custom_properties)}
    return Execution(
        id=message.id,
        run_id=names.get("pipeline_run", ""),
        task=str(properties.get(NODE, ""))
        or names.get("node", "").removeprefix(f"{names.get('pipeline', '')}."),
        component=component_of(message.type),
        state=state,
        started=timestamp(started),
        seconds=None if state == "running" else (ended - started) / 1000,
        # TFX keeps its own notes between double underscores.
        parameters={name: properties[name] for name in sorted(properties) if name[:2] != "__"},
        inputs=_in_order(ports["input"]),
        outputs=_in_order(ports["output"]),
        reason=reason_of(properties) if state in ("failed", "canceled") else None,
    )


def _in_order(ports: Mapping[str, Mapping[int, ArtifactRef]]) -> dict[str, list[ArtifactRef]]:
    return {port: [ports[port][index] for index in sorted(ports[port])] for port in sorted(ports)}


def state_of(execution: Any) -> str:
    """Returns the state of an execution, as records have it."""
    name = str(type(execution).State.Name(execution.last_known_state))
    return _STATES.get(name, name.lower())
