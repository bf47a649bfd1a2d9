"""Vertex AI's ModelService, EndpointService and Operations, as a gRPC server on this machine.

It has the messages of google-cloud-aiplatform's own protos and the API's rules that matter to a
client: IDs, aliases that point to one version, shares that add up to 100, operations that take
time.
"""

import contextlib
import itertools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
from google.cloud.aiplatform_v1.types import endpoint, endpoint_service, model, model_service
from google.longrunning import operations_pb2

NUMBER = "1234567890"  # the API always answers with the number of a project


class RefusedError(Exception):
    """The server answers with a status instead of a message."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class _Pending:
    operation: operations_pb2.Operation
    finish: Callable[[], Any]
    failure: tuple[int, str] | None
    polls: int


@dataclass
class VertexApi:
    """The state of the service, and the faults to show.

    Attributes:
        address: Where it listens.
        versions: Versions by name of the model, the oldest first.
        endpoints: Endpoints by name.
        calls: Names of the methods called, in order, without those that only read.
        polls: Number of answers of an operation before it is done.
        refusals: By method, the errors for the next calls; None lets a call pass.
        lost: Methods whose next call is carried out, but answered like by a service that is down.
        failures: By method, the status with which its next operation ends.
        requests: The requests of `calls`.
    """

    address: str = ""
    versions: dict[str, list[Any]] = field(default_factory=dict)
    endpoints: dict[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    polls: int = 1
    refusals: dict[str, list[tuple[grpc.StatusCode, str] | None]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(100))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get_model(self, request: Any) -> Any:
        name, _, version = request.name.partition("@")
        for each in self.versions.get(name, []):
            if version in (each.version_id, *each.version_aliases) or (
                not version and "default" in each.version_aliases
            ):
                return each
        raise RefusedError(grpc.StatusCode.NOT_FOUND, f"The Model {request.name} does not exist.")

    def upload_model(self, request: Any) -> Any:
        self._check(bool(request.model_id) != bool(request.parent_model), "model_id")
        self._check(request.model.artifact_uri.startswith("gs://"), "artifact_uri")
        self._check(bool(request.model.container_spec.image_uri), "container_spec.image_uri")
        self._check(bool(request.model.display_name), "display_name")
        name = request.parent_model or f"{request.parent}/models/{request.model_id}"
        if request.parent_model and name not in self.versions:
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"The Model {name} does not exist.")
        if request.model_id and name in self.versions:
            raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"{name} exists.")

        def finish() -> Any:
            made = model.Model(request.model)
            versions = self.versions.setdefault(name, [])
            made.name = name
            made.version_id = str(len(versions) + 1)
            if not versions and "default" not in made.version_aliases:
                made.version_aliases.append("default")
            self._take_aliases(name, list(made.version_aliases))
            versions.append(made)
            return model_service.UploadModelResponse(
                model=name.replace("my-project", NUMBER), model_version_id=made.version_id
            )

        return self._begin(
            "UploadModel", name, model_service.UploadModelOperationMetadata(), finish
        )

    def merge_version_aliases(self, request: Any) -> Any:
        changed = self.get_model(request)
        self._take_aliases(request.name.partition("@")[0], list(request.version_aliases))
        changed.version_aliases = [*changed.version_aliases, *request.version_aliases]
        return changed

    def get_endpoint(self, request: Any) -> Any:
        if request.name not in self.endpoints:
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"Endpoint {request.name} is not found.")
        return self.endpoints[request.name]

    def create_endpoint(self, request: Any) -> Any:
        name = f"{request.parent}/endpoints/{request.endpoint_id}"
        if name in self.endpoints:
            raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"{name} exists.")

        def finish() -> Any:
            self.endpoints[name] = endpoint.Endpoint(request.endpoint)
            self.endpoints[name].name = name
            return self.endpoints[name]

        metadata = endpoint_service.CreateEndpointOperationMetadata()
        return self._begin("CreateEndpoint", name, metadata, finish)

    def deploy_model(self, request: Any) -> Any:
        target = self.get_endpoint(_Name(request.endpoint))
        version = self.get_model(_Name(request.deployed_model.model))
        shares = dict(request.traffic_split)
        self._check(not shares or sum(shares.values()) == 100, "traffic_split")

        def finish() -> Any:
            deployed = endpoint.DeployedModel(request.deployed_model)
            deployed.id = str(next(self._ids))
            deployed.model = version.name.replace("my-project", NUMBER)
            deployed.model_version_id = version.version_id
            deployed.dedicated_resources.autoscaling_metric_specs = [
                {"metric_name": "aiplatform.googleapis.com/prediction/online/cpu/utilization"}
            ]
            target.deployed_models.append(deployed)
            if shares:
                target.traffic_split = {
                    deployed.id if key == "0" else key: share for key, share in shares.items()
                }
            return endpoint_service.DeployModelResponse(deployed_model=deployed)

        metadata = endpoint_service.DeployModelOperationMetadata()
        return self._begin("DeployModel", request.endpoint, metadata, finish)

    def undeploy_model(self, request: Any) -> Any:
        target = self.get_endpoint(_Name(request.endpoint))
        gone = request.deployed_model_id
        self._check(not target.traffic_split.get(gone), "deployed_model_id")

        def finish() -> Any:
            target.deployed_models = [each for each in target.deployed_models if each.id != gone]
            return endpoint_service.UndeployModelResponse()

        metadata = endpoint_service.UndeployModelOperationMetadata()
        return self._begin("UndeployModel", request.endpoint, metadata, finish)

    def update_endpoint(self, request: Any) -> Any:
        target = self.get_endpoint(request.endpoint)
        self._check(list(request.update_mask.paths) == ["traffic_split"], "update_mask")
        shares = dict(request.endpoint.traffic_split)
        known = {each.id for each in target.deployed_models}
        self._check(sum(shares.values()) == 100 and set(shares) <= known, "traffic_split")
        target.traffic_split = shares
        return target

    def get_operation(self, request: Any) -> Any:
        pending = self._pending[request.name]
        pending.polls -= 1
        if pending.polls <= 0 and not pending.operation.done:
            self._finish(pending)
        return pending.operation

    def list_operations(self, request: Any) -> Any:
        found = [
            each.operation
            for name, each in self._pending.items()
            if name.startswith(f"{request.name}/operations/")
        ]
        # Two per page, so that the current operation is not on the first page.
        start = int(request.page_token or 0)
        more = str(start + 2) if start + 2 < len(found) else ""
        return operations_pb2.ListOperationsResponse(
            operations=found[start : start + 2], next_page_token=more
        )

    def finish_soon(self) -> None:
        """Makes unfinished operations done at the next request for them."""
        self.polls = 1
        for pending in self._pending.values():
            pending.polls = 1

    def answer(self, method: str, request: Any) -> Any:
        """Answers one call."""
        with self._lock:
            if not method.startswith(("Get", "List")):
                self.calls.append(method)
                self.requests.append(request)
            refusals = self.refusals.get(method, [])
            refusal = refusals.pop(0) if refusals else None
            if refusal is not None:
                raise RefusedError(*refusal)
            answer = getattr(self, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method).lower())(request)
            if method in self.lost:
                self.lost.remove(method)
                raise RefusedError(grpc.StatusCode.UNAVAILABLE, "Connection reset by peer")
            return answer

    def _begin(self, method: str, resource: str, metadata: Any, finish: Callable[[], Any]) -> Any:
        name = f"{resource}/operations/{next(self._ids)}"
        operation = operations_pb2.Operation(name=name)
        operation.metadata.Pack(type(metadata).pb(metadata))
        failure = self.failures.pop(method, None)
        self._pending[name] = _Pending(operation, finish, failure, self.polls)
        return operation

    def _finish(self, pending: _Pending) -> None:
        pending.operation.done = True
        if pending.failure is not None:
            pending.operation.error.code, pending.operation.error.message = pending.failure
        else:
            result = pending.finish()
            pending.operation.response.Pack(type(result).pb(result))

    def _take_aliases(self, name: str, aliases: list[str]) -> None:
        for each in self.versions.get(name, []):
            each.version_aliases = [a for a in each.version_aliases if a not in aliases]

    def _check(self, is_right: bool, field_name: str) -> None:
        if not is_right:
            raise RefusedError(
                grpc.StatusCode.INVALID_ARGUMENT, f"List of found errors: Field: {field_name}"
            )


@dataclass
class _Name:
    name: str


_SERVICES: dict[str, dict[str, Callable[[bytes], Any]]] = {
    "google.cloud.aiplatform.v1.ModelService": {
        "GetModel": model_service.GetModelRequest.deserialize,
        "UploadModel": model_service.UploadModelRequest.deserialize,
        "MergeVersionAliases": model_service.MergeVersionAliasesRequest.deserialize,
    },
    "google.cloud.aiplatform.v1.EndpointService": {
        "GetEndpoint": endpoint_service.GetEndpointRequest.deserialize,
        "CreateEndpoint": endpoint_service.CreateEndpointRequest.deserialize,
        "UpdateEndpoint": endpoint_service.UpdateEndpointRequest.deserialize,
        "DeployModel": endpoint_service.DeployModelRequest.deserialize,
        "UndeployModel": endpoint_service.UndeployModelRequest.deserialize,
    },
    "google.longrunning.Operations": {
        "GetOperation": operations_pb2.GetOperationRequest.FromString,
        "ListOperations": operations_pb2.ListOperationsRequest.FromString,
    },
}


@contextlib.contextmanager
def vertex_api() -> Iterator[VertexApi]:
    """Serves the API on a free port of this machine."""
    api = VertexApi()
    with served(api, _SERVICES) as api.address:
        yield api


class Answering(Protocol):
    """The object that a server calls: its own methods, by name."""

    def answer(self, method: str, request: Any) -> Any:
        """Answers one call, or raises `RefusedError`."""


@contextlib.contextmanager
def served(
    api: Answering, services: Mapping[str, Mapping[str, Callable[[bytes], Any]]]
) -> Iterator[str]:
    """Serves methods, with the parsers of their requests, by service; yields the address."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    for service, methods in services.items():
        handlers = {method: _handler(api, method, read) for method, read in methods.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def _handler(api: Answering, method: str, read: Callable[[bytes], Any]) -> Any:
    def answer(request: Any, context: Any) -> Any:
        try:
            return api.answer(method, request)
        except RefusedError as refusal:
            context.abort(refusal.code, str(refusal))

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=read, response_serializer=_serialized
    )


def _serialized(message: Any) -> bytes:
    # proto-plus wraps the API's own messages, but not those of operations.
    plain = type(message).pb(message) if hasattr(type(message), "pb") else message
    serialized: bytes = plain.SerializeToString()
    return serialized
