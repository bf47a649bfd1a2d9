"""ML Metadata's server over gRPC, and how Kubeflow Pipelines up to 2.18 records runs in it.

The server is ML Metadata's own C++ store in this process: it gets requests unchanged, through the
service in its own protos.
"""

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from ml_metadata import MetadataStore
from ml_metadata.metadata_store.pywrap.metadata_store_extension import (
    metadata_store as serialized_store,
)
from ml_metadata.proto import metadata_store_pb2 as pb
from ml_metadata.proto import metadata_store_service_pb2 as service_pb


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Passes requests to the store; refusals come first."""

    def __init__(self, store: Any, refusals: list[grpc.StatusCode]) -> None:
        self._store = store
        self._refusals = refusals

    def service(self, details: Any) -> Any:
        _, service, method = details.method.split("/")
        known = service_pb.DESCRIPTOR.services_by_name["MetadataStoreService"].methods_by_name
        if service != "ml_metadata.MetadataStoreService" or method not in known:
            return None

        def answer(request: bytes, context: Any) -> bytes:
            if self._refusals:
                context.abort(self._refusals.pop(0), "refused for the test")
            call = getattr(serialized_store, method)
            data, message, code = call(self._store._metadata_store, request)
            if code:
                context.abort(
                    next(each for each in grpc.StatusCode if each.value[0] == code), str(message)
                )
            found: bytes = data
            return found

        return grpc.unary_unary_rpc_method_handler(answer)


@contextlib.contextmanager
def metadata_server(
    database: Path,
) -> Iterator[tuple[str, MetadataStore, list[grpc.StatusCode]]]:
    """Serves a store; yields the address, the store, and the list of errors to answer first."""
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    store = MetadataStore(config)
    refusals: list[grpc.StatusCode] = []
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    server.add_generic_rpc_handlers((_Handlers(store, refusals),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", store, refusals
    finally:
        server.stop(0).wait()


class Recorder:
    """Records a run like KFP's driver and launcher (backend/src/v2/metadata/client.go).

    Types have no schema; all data of an execution is in custom properties.
    """

    def __init__(self, store: MetadataStore, pipeline: str, run_id: str) -> None:
        """Records the run, and its root DAG."""
        self._store = store
        self._ids = itertools.count(1)
        context = pb.Context(type_id=self._type("system.Pipeline", pb.ContextType), name=pipeline)
        present = store.get_context_by_type_and_name("system.Pipeline", pipeline)
        pipeline_id = present.id if present else store.put_contexts([context])[0]
        context = pb.Context(type_id=self._type("system.PipelineRun", pb.ContextType), name=run_id)
        context.custom_properties["namespace"].string_value = "kubeflow"
        run = store.put_contexts([context])[0]
        store.put_parent_contexts([pb.ParentContext(child_id=run, parent_id=pipeline_id)])
        self._contexts = store.get_contexts_by_id([pipeline_id, run])
        # It stays RUNNING: nothing records the end of the root DAG.
        self.root = self.task("", state="RUNNING", kind="system.DAGExecution", parent=None)

    def task(
        self,
        name: str,
        state: str = "COMPLETE",
        *,
        kind: str = "system.ContainerExecution",
        parent: int | None = -1,
        iteration: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        inputs: Mapping[str, list[int]] | None = None,
        outputs: Mapping[str, int] | None = None,
    ) -> int:
        """Records an execution, by default of the root DAG, and returns its id."""
        type_id = self._type(kind, pb.ExecutionType)
        execution = pb.Execution(type_id=type_id, last_known_state=pb.Execution.State.Value(state))
        properties = execution.custom_properties
        properties["display_name"].string_value = name
        properties["task_name"].string_value = name
        if parent is not None:
            properties["parent_dag_id"].int_value = self.root if parent == -1 else parent
        if iteration is not None:
            properties["iteration_index"].int_value = iteration
        if parameters is not None:
            properties["inputs"].struct_value.update(parameters)
        events = [
            (None, _event(pb.Event.INPUT, port, artifact))
            for port, artifacts in (inputs or {}).items()
            for artifact in artifacts
        ]
        events += [
            (None, _event(pb.Event.OUTPUT, port, artifact))
            for port, artifact in (outputs or {}).items()
        ]
        pairs = [
            (self._store.get_artifacts_by_id([event.artifact_id])[0], event) for _, event in events
        ]
        return int(self._store.put_execution(execution, pairs, self._contexts)[0])

    def artifact(self, uri: str, title: str, **metadata: Any) -> int:
        """Records an artifact, and returns its id."""
        artifact = pb.Artifact(type_id=self._type(title, pb.ArtifactType), uri=uri)
        artifact.state = pb.Artifact.LIVE
        properties = artifact.custom_properties
        properties["store_session_info"].string_value = json.dumps({"Provider": "minio"})
        for name, value in metadata.items():
            if isinstance(value, dict):
                properties[name].struct_value.update(value)
            elif isinstance(value, int):
                properties[name].int_value = value
            elif isinstance(value, float):  # the launcher's form of every number
                properties[name].double_value = value
            else:
                properties[name].string_value = value
        return int(self._store.put_artifacts([artifact])[0])

    def _type(self, name: str, kind: Any) -> int:
        put = {
            pb.ContextType: self._store.put_context_type,
            pb.ExecutionType: self._store.put_execution_type,
            pb.ArtifactType: self._store.put_artifact_type,
        }[kind]
        return int(put(kind(name=name)))


def _event(kind: Any, port: str, artifact: int) -> Any:
    event = pb.Event(type=kind, artifact_id=artifact)
    event.path.steps.add().key = port
    return event
