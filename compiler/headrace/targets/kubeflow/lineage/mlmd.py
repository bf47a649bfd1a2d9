"""Lineage as backends of Kubeflow Pipelines up to 2.18 record it, in ML Metadata.

Source of the names: `backend/src/v2/metadata/client.go` of kubeflow/pipelines 2.17.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.ir.values import whole_numbers
from headrace.lineage.records import ArtifactRef, Execution, Id
from headrace.lineage.times import timestamp
from headrace.lineage.verdicts import verdict_of
from headrace.targets.kubeflow.lineage.mlmd_client import MetadataClient
from headrace.targets.kubeflow.lineage.provenance import FoundArtifact, Link
from headrace.targets.kubeflow.lineage.values import short_type, texts

RUN = "system.PipelineRun"
_PIPELINE = "system.Pipeline"
_DAG = "system.DAGExecution"

# `Execution.State`. CANCELED is a task whose condition was false.
_STATES = {2: "running", 3: "done", 4: "failed", 5: "cached", 6: "canceled"}
_INPUTS, _OUTPUTS = (3, 5), (4, 6)  # of `Event.Type`


class MetadataSource:
    """A metadata store, as a `provenance.Source`."""

    def __init__(self, client: MetadataClient) -> None:
        self._client = client
        self._of_run: dict[str, dict[int, Any]] = {}

    def run_ids(self) -> list[str]:
        """Returns the ids of all runs, newest first."""
        contexts = list(self._client.call("GetContextsByType", type_name=RUN).contexts)
        contexts.sort(key=lambda each: (each.create_time_since_epoch, each.id), reverse=True)
        return [each.name for each in contexts]

    def pipeline_of(self, run_id: str) -> str:
        """Returns the name of the pipeline of a run; empty if unknown."""
        context = self._context(run_id)
        if context is None:
            return ""
        parents = self._client.call("GetParentContextsByContext", context_id=context.id).contexts
        return next((str(each.name) for each in parents if each.type == _PIPELINE), "")

    def executions_of(self, run_id: str) -> Sequence[Execution]:
        """Returns the executions of a run in the order of their start; empty if it is unknown."""
        messages = self._messages(run_id)
        return self._read(dict.fromkeys(messages, run_id))

    def executions(self, keys: Iterable[Id]) -> Sequence[Execution]:
        """Returns executions by their ids, oldest first; ids of DAGs are left out."""
        runs = {}
        for key in keys:
            contexts = self._client.call("GetContextsByExecution", execution_id=key).contexts
            runs[int(key)] = next((str(each.name) for each in contexts if each.type == RUN), "")
        return self._read(runs)

    def links(self, artifacts: Iterable[Id]) -> Sequence[Link]:
        """Returns who read and wrote artifacts, in the order in which that was recorded."""
        events = self._client.call("GetEventsByArtifactIDs", artifact_ids=list(artifacts)).events
        return [
            Link(
                artifact=event.artifact_id,
                execution=event.execution_id,
                is_output=event.type in _OUTPUTS,
            )
            for event in sorted(events, key=lambda event: event.execution_id)
            if event.type in (*_INPUTS, *_OUTPUTS)
        ]

    def find(self, name: str) -> FoundArtifact | None:
        """Returns the artifact of a URI or an id; of several records of a URI the first."""
        if name.isdigit():
            found = self._client.call("GetArtifactsByID", artifact_ids=[int(name)]).artifacts
        else:
            found = self._client.call("GetArtifactsByURI", uris=[name]).artifacts
        if not found:
            return None
        artifact = min(found, key=lambda each: each.id)
        metadata = {**_values(artifact.properties), **_values(artifact.custom_properties)}
        return FoundArtifact(
            ref=_ref(artifact),
            created=timestamp(artifact.create_time_since_epoch),
            metadata=dict(sorted(metadata.items())),
        )

    def ids_of(self, uris: Iterable[str]) -> Mapping[str, Sequence[Id]]:
        """Returns the ids of all records of artifacts, the oldest first, by URI."""
        wanted = list(uris)
        if not wanted:
            return {}
        artifacts = self._client.call("GetArtifactsByURI", uris=wanted).artifacts
        found: dict[str, list[Id]] = {}
        for each in sorted(artifacts, key=lambda each: each.id):
            found.setdefault(each.uri, []).append(each.id)
        return found

    def has_run(self, run_id: str) -> bool:
        """Returns whether the store has a run of this id."""
        return self._context(run_id) is not None

    def started(self, run_id: str) -> str:
        """Returns when a run that the store knows began, ISO 8601 in UTC."""
        return timestamp(self._context(run_id).create_time_since_epoch)

    def _context(self, run_id: str) -> Any:
        answer = self._client.call("GetContextByTypeAndName", type_name=RUN, context_name=run_id)
        return answer.context if answer.HasField("context") else None

    def _messages(self, run_id: str) -> dict[int, Any]:
        """Returns the executions of a run by id, those of DAGs too."""
        if run_id not in self._of_run:
            context = self._context(run_id)
            found = (
                self._client.call("GetExecutionsByContext", context_id=context.id).executions
                if context is not None
                else ()
            )
            self._of_run[run_id] = {each.id: each for each in found}
        return self._of_run[run_id]

    def _read(self, runs: Mapping[int, str]) -> list[Execution]:
        """Returns the executions of tasks, given the run of each id."""
        found = [
            message
            for key, run_id in runs.items()
            if (message := self._messages(run_id).get(key)) is not None and message.type != _DAG
        ]
        found.sort(key=lambda each: (each.create_time_since_epoch, each.id))
        if not found:
            return []
        keys = [each.id for each in found]
        events = self._client.call("GetEventsByExecutionIDs", execution_ids=keys).events
        ids = sorted({event.artifact_id for event in events})
        artifacts = self._client.call("GetArtifactsByID", artifact_ids=ids).artifacts
        refs = {each.id: _ref(each) for each in artifacts}
        return [
            _execution(each, runs[each.id], self._messages(runs[each.id]), events, refs)
            for each in found
        ]


def _execution(
    message: Any,
    run_id: str,
    all_of_run: Mapping[int, Any],
    events: Iterable[Any],
    refs: Mapping[int, ArtifactRef],
) -> Execution:
    properties = _values(message.custom_properties)
    state = _STATES.get(message.last_known_state, "running")
    path = _path(message, all_of_run)
    started, ended = message.create_time_since_epoch, message.last_update_time_since_epoch
    mine = [event for event in events if event.execution_id == message.id]
    return Execution(
        id=message.id,
        run_id=run_id,
        task="/".join(path),
        component=path[-1],
        state=state,
        started=timestamp(started),
        seconds=None if state == "running" else (ended - started) / 1000,
        parameters=texts(properties.get("inputs", {})),
        inputs=_ports(mine, _INPUTS, refs),
        outputs=_ports(mine, _OUTPUTS, refs),
        reason=None,
    )


def _path(message: Any, all_of_run: Mapping[int, Any]) -> tuple[str, ...]:
    """Returns an execution's place in the pipeline, such as `("for-loop-1", "0", "trainer")`."""
    steps: list[str] = []
    current = message
    while current is not None:
        properties = _values(current.custom_properties)
        parent = all_of_run.get(int(properties.get("parent_dag_id", 0)))
        index = properties.get("iteration_index")
        name = str(properties.get("task_name", ""))
        if current.type != _DAG:
            # The round belongs to the enclosing DAG; a loop over one task has no such DAG.
            is_round = parent is not None and "iteration_index" in parent.custom_properties
            steps += [name] if index is None or is_round else [name, str(index)]
        elif index is not None:
            steps.append(str(index))
        elif name:
            steps.append(name)
        current = parent
    return tuple(reversed(steps))


def _ports(
    events: Iterable[Any], kinds: tuple[int, ...], refs: Mapping[int, ArtifactRef]
) -> dict[str, list[ArtifactRef]]:
    ports: dict[str, list[ArtifactRef]] = {}
    for event in events:
        if event.type in kinds and event.artifact_id in refs:
            # The key alone: a list of artifacts is several events of one key.
            port = event.path.steps[0].key if event.path.steps else ""
            ports.setdefault(port, []).append(refs[event.artifact_id])
    return dict(sorted(ports.items()))


def _ref(artifact: Any) -> ArtifactRef:
    metadata = {**_values(artifact.properties), **_values(artifact.custom_properties)}
    return ArtifactRef(
        id=artifact.id,
        type=short_type(artifact.type),
        uri=artifact.uri,
        verdict=verdict_of(artifact.type, metadata),
    )


def _is_message(field: Any) -> bool:
    return field.message_type is not None


def _values(properties: Any) -> dict[str, Any]:
    """Returns properties as plain values, by name."""
    from google.protobuf.json_format import MessageToDict

    values: dict[str, Any] = {}
    for name, value in properties.items():
        for field, content in value.ListFields():
            # The launcher stores every number as a double.
            values[name] = whole_numbers(MessageToDict(content) if _is_message(field) else content)
    return values
