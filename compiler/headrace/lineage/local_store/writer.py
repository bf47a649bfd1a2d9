"""Records runs in ML Metadata: tasks, parameters, inputs and outputs.

The records are the same as TFX's. A `pipeline` context contains `pipeline_run` contexts (named by
run id); every task has a `node` context `<pipeline>.<task>`; an execution belongs to all three, and
to the last only once it has outputs, because readers take a node's newest execution for its
results. Parameters are custom properties of the execution; events have the path steps [port,
index]. State, parameters and end of a run, for which TFX has no place, are custom properties of its
`pipeline_run` context.
"""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from headrace.lineage.local_store.connection import Connection
from headrace.lineage.local_store.messages import (
    NODE,
    path_steps,
    set_reason,
    set_typed,
    set_value,
)
from headrace.lineage.local_store.processes import this_process
from headrace.lineage.times import timestamp
from headrace.lineage.types import (
    CONTEXT_TYPES,
    IMPORTER,
    RESOLVER,
    TFX_LAYOUT_VERSION,
    artifact_type,
    component_of,
    execution_type,
)
from headrace_components.contract.property_types import KEY as PROPERTY_TYPES
from headrace_components.contract.property_types import types_in

ExecutionState = Literal["complete", "cached", "failed", "canceled"]
StoredRunState = Literal["running", "complete", "failed", "canceled"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRecord:
    """An artifact as lineage knows it.

    Attributes:
        uri: Where the artifact is, for good.
        type: Schema title, such as `tfx.Examples` or `system.Dataset`.
        metadata: Flat properties: strings and numbers.
        id: Its id in the store, if known. An id of another store does no harm: it only counts if
            the store has an artifact with that id and `uri`.
    """

    uri: str
    type: str
    metadata: Mapping[str, Any]
    id: int | None = None


Artifacts = Mapping[str, Sequence[ArtifactRecord]]


class LineageStore:
    """Writes the records of runs. Several threads and processes may write to one store at once."""

    def __init__(self, url: str) -> None:
        """Opens the store at `url`, and creates it if it does not exist.

        Args:
            url: `sqlite:////absolute/file` or `mysql://user:password@host:port/database`.

        Raises:
            InputError: The URL has another form.
            PlatformError: The store cannot be opened, or is of another schema version.
        """
        self._connection = Connection(url)
        self._type_ids: dict[tuple[str, str], int] = {}

    def begin_run(self, pipeline: str, run_id: str, parameters: Mapping[str, Any]) -> None:
        """Records that a run starts, or continues.

        Executions that an earlier, killed process of the run left running become canceled.
        """
        from ml_metadata.proto import metadata_store_pb2 as pb

        with self._connection.transaction() as store:
            pipeline_id = self._context(store, "pipeline", pipeline).id
            run = self._context(store, "pipeline_run", run_id)
            if not any(
                parent.id == pipeline_id for parent in store.get_parent_contexts_by_context(run.id)
            ):
                link = pb.ParentContext(child_id=run.id, parent_id=pipeline_id)
                store.put_parent_contexts([link])
            _cancel_running(store, run, "The process that ran the pipeline was killed.")
            set_value(run.custom_properties, "state", "running")
            set_value(
                run.custom_properties, "parameters", json.dumps(dict(parameters), sort_keys=True)
            )
            set_value(run.custom_properties, "process", this_process())
            run.custom_properties.pop("finished", None)
            store.put_contexts([run])

    def finish_run(self, run_id: str, state: StoredRunState) -> None:
        """Records how a run ended. Executions that still run become canceled."""
        with self._connection.transaction() as store:
            run = _existing_run(store, run_id)
            _cancel_running(store, run, "The run ended before the task did.")
            set_value(run.custom_properties, "state", state)
            set_value(run.custom_properties, "finished", timestamp(time.time_ns() // 1_000_000))
            store.put_contexts([run])

    def begin_execution(
        self,
        run_id: str,
        task: str,
        component: str,
        parameters: Mapping[str, Any],
        inputs: Artifacts,
    ) -> int:
        """Records that a task starts, with its inputs.

        Args:
            run_id: A run that `begin_run` has recorded.
            task: Name of the task, with the path of its sub-pipelines: `prepare/transform`.
            component: Name of the component, such as `csv_example_gen`.
            parameters: Its parameter values. A list or a dict is recorded as JSON, None is not.
            inputs: Artifacts by input port. One that the store does not have comes from outside.

        Returns:
            The execution's id.
        """
        from ml_metadata.proto import metadata_store_pb2 as pb

        type_name, base = execution_type(component)
        with self._connection.transaction() as store:
            run = _existing_run(store, run_id)
            (pipeline,) = store.get_parent_contexts_by_context(run.id)
            execution = pb.Execution(
                type_id=self._execution_type_id(store, type_name, base),
                # TFX names an execution by a UUID too: only the name must differ.
                name=str(uuid.uuid4()),
                last_known_state=pb.Execution.RUNNING,
            )
            for name, value in parameters.items():
                if value is not None:
                    set_value(execution.custom_properties, name, value)
            set_value(execution.custom_properties, NODE, task)
            pairs = self._pairs(store, inputs, pb.Event.INPUT, {"is_external": 1}, update=False)
            execution_id, _, _ = store.put_execution(
                execution, pairs, [pipeline, run], force_reuse_context=True
            )
            return int(execution_id)

    def finish_execution(
        self,
        execution_id: int,
        state: ExecutionState,
        outputs: Artifacts,
        reason: str | None = None,
        *,
        is_new: bool = False,
    ) -> dict[str, list[int]]:
        """Records how a task ended, with its outputs.

        Args:
            execution_id: The ID that `begin_execution` returned, here or in another process.
            state: `cached` if the outputs are those of an earlier execution.
            outputs: Artifacts by output port. One with the URI and type of an artifact that the
                store has is that artifact, and is not recorded a second time.
            reason: Why the task failed.
            is_new: Whether the outputs are new artifacts even if the store has their URIs.

        Returns:
            The ids of the artifacts, by port, in the order of `outputs`.
        """
        from ml_metadata.proto import metadata_store_pb2 as pb

        with self._connection.transaction() as store:
            (execution,) = store.get_executions_by_id([execution_id])
            contexts = store.get_contexts_by_execution(execution_id)
            node = self._node(execution, contexts)
            execution.last_known_state = getattr(pb.Execution, state.upper())
            if reason is not None:
                set_reason(execution, reason)
            # As in TFX: a resolver passes on an artifact that another execution wrote.
            resolves = execution.type == RESOLVER
            event = pb.Event.INTERNAL_OUTPUT if resolves else pb.Event.OUTPUT
            is_external = int(component_of(execution.type) == IMPORTER)
            pairs = self._pairs(
                store,
                outputs,
                event,
                {"is_external": is_external},
                update=state == "complete" and not resolves,
                is_new=is_new,
            )
            if state in ("complete", "cached"):
                contexts = [*contexts, self._context(store, "node", node)]
                execution.custom_properties.pop(NODE, None)
                _attribute_inputs(store, execution_id, contexts[-1])
            for artifact, path in _named(pairs, contexts, node):
                if not artifact.HasField("id"):
                    artifact.name = path
            _, ids, _ = store.put_execution(execution, pairs, contexts, force_reuse_context=True)
        result: dict[str, list[int]] = {port: [0] * len(items) for port, items in outputs.items()}
        for artifact_id, (_, written) in zip(ids, pairs, strict=True):
            for port, index in path_steps(written):
                result[port][index] = artifact_id
        return result

    def _pairs(
        self,
        store: Any,
        artifacts: Artifacts,
        kind: int,
        extra: Mapping[str, Any],
        *,
        update: bool,
        is_new: bool = False,
    ) -> list[tuple[Any, Any]]:
        """Returns (Artifact, Event) messages, one pair an artifact, even for one on two ports."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        pairs: dict[tuple[str, str], tuple[Any, Any]] = {}
        for port, records in artifacts.items():
            for index, record in enumerate(records):
                key = (record.uri, record.type)
                if key not in pairs:
                    artifact = self._artifact(store, record, extra, update=update, is_new=is_new)
                    pairs[key] = (artifact, pb.Event(type=kind))
                steps = pairs[key][1].path.steps
                steps.add().key = port
                steps.add().index = index
        return list(pairs.values())

    def _artifact(
        self,
        store: Any,
        record: ArtifactRecord,
        extra: Mapping[str, Any],
        *,
        update: bool,
        is_new: bool,
    ) -> Any:
        from ml_metadata.proto import metadata_store_pb2 as pb

        declared = artifact_type(record.type)
        own, custom = types_in(record.metadata)
        type_id = self._artifact_type_id(store, record.type, own)
        found = [] if is_new else store.get_artifacts_by_uri(record.uri)
        known = [each for each in found if each.type_id == type_id]
        if known:
            artifact = next((a for a in known if a.id == record.id), known[-1])
            if not update:
                return artifact
        else:
            artifact = pb.Artifact(type_id=type_id, uri=record.uri, state=pb.Artifact.LIVE)
            if declared.tfx_title:
                set_value(artifact.custom_properties, "tfx_version", TFX_LAYOUT_VERSION)
            for name, value in extra.items():
                set_value(artifact.custom_properties, name, value)
        for name, value in record.metadata.items():
            kind = declared.properties.get(name) or own.get(name)
            if name == PROPERTY_TYPES:
                continue
            if kind is not None:
                set_typed(artifact.properties, name, kind, value)
                if name in declared.mirrored:
                    set_typed(artifact.custom_properties, name, kind, value)
            elif name in custom:
                set_typed(artifact.custom_properties, name, custom[name], value)
            else:
                is_id = name in declared.ids and str(value).isdecimal()
                set_value(artifact.custom_properties, name, int(value) if is_id else value)
        return artifact

    def _node(self, execution: Any, contexts: Sequence[Any]) -> str:
        """Returns the name of the execution's `node` context, which it may not have yet."""
        names = {context.type: context.name for context in contexts}
        if "node" in names:  # its outputs were recorded, but could not be kept
            return str(names["node"])
        return f"{names['pipeline']}.{execution.custom_properties[NODE].string_value}"

    def _context(self, store: Any, kind: str, name: str) -> Any:
        from ml_metadata import errors
        from ml_metadata.proto import metadata_store_pb2 as pb

        found = store.get_context_by_type_and_name(kind, name)
        if found is None:
            self._register_context_types(store)
            context = pb.Context(type_id=self._type_ids["context", kind], name=name)
            # A server does not have our lock, so another process may have been faster.
            with suppress(errors.AlreadyExistsError):
                store.put_contexts([context])
            found = store.get_context_by_type_and_name(kind, name)
        return found

    def _register_context_types(self, store: Any) -> None:
        from ml_metadata.proto import metadata_store_pb2 as pb

        for kind in CONTEXT_TYPES:
            if ("context", kind) not in self._type_ids:
                type_id = store.put_context_type(pb.ContextType(name=kind))
                self._type_ids["context", kind] = type_id

    def _execution_type_id(self, store: Any, name: str, base: str) -> int:
        from ml_metadata.proto import metadata_store_pb2 as pb

        key = ("execution", name)
        if key not in self._type_ids:
            message = pb.ExecutionType(name=name)
            if base:
                message.base_type = pb.ExecutionType.SystemDefinedBaseType.Value(base)
            self._type_ids[key] = store.put_execution_type(
                message, can_add_fields=True, can_omit_fields=True
            )
        return self._type_ids[key]

    def _artifact_type_id(self, store: Any, title: str, own: Mapping[str, str]) -> int:
        """Returns the id of a type, which `own` declares more properties of."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        declared = artifact_type(title)
        properties = {**own, **declared.properties}
        key = ("artifact", f"{title} {sorted(properties.items())}")
        if key not in self._type_ids:
            message = pb.ArtifactType(name=declared.name)
            if declared.base:
                message.base_type = pb.ArtifactType.SystemDefinedBaseType.Value(declared.base)
            for name, kind in properties.items():
                message.properties[name] = pb.PropertyType.Value(kind)
            self._type_ids[key] = store.put_artifact_type(
                message, can_add_fields=True, can_omit_fields=True
            )
        return self._type_ids[key]


def _existing_run(store: Any, run_id: str) -> Any:
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    if run is None:
        raise LookupError(f"begin_run has not recorded a run {run_id!r}.")
    return run


def _attribute_inputs(store: Any, execution_id: int, node: Any) -> None:
    """Lets the context of a node have its inputs too, as in TFX."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    inputs = {
        event.artifact_id
        for event in store.get_events_by_execution_ids([execution_id])
        if event.type == pb.Event.INPUT
    }
    if inputs:
        store.put_attributions_and_associations(
            [pb.Attribution(artifact_id=each, context_id=node.id) for each in sorted(inputs)], []
        )


def _cancel_running(store: Any, run: Any, reason: str) -> None:
    from ml_metadata.proto import metadata_store_pb2 as pb

    left = [
        execution
        for execution in store.get_executions_by_context(run.id)
        if execution.last_known_state == pb.Execution.RUNNING
    ]
    for execution in left:
        execution.last_known_state = pb.Execution.CANCELED
        set_reason(execution, reason)
    if left:
        store.put_executions(left)


def _named(
    pairs: Sequence[tuple[Any, Any]], contexts: Sequence[Any], node: str
) -> list[tuple[Any, str]]:
    """Returns each artifact with the name TFX would give it, unique in the store."""
    by_type = {context.type: context.name for context in contexts}
    pipeline = by_type["pipeline"]
    task = node.removeprefix(f"{pipeline}.")
    return [
        (artifact, f"{pipeline}:{by_type['pipeline_run']}:{task}:{port}:{index}")
        for artifact, event in pairs
        for port, index in path_steps(event)[:1]
    ]
