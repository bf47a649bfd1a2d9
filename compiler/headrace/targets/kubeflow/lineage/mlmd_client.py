"""Calls ML Metadata over gRPC, as backends of Kubeflow Pipelines up to 2.18 provide it.

The messages are made here, of the fields that lineage needs: the package `ml-metadata`, which has
them all, pins protobuf below 5, and kfp has left that behind.
"""

import functools
from collections.abc import Mapping
from typing import Any

from headrace.extras import not_installed
from headrace_components.contract.errors import PlatformError
from headrace_components.contract.patience import patiently
from headrace_components.contract.texts import one_line

_SERVICE = "/ml_metadata.MetadataStoreService"
_TIMEOUT_SECONDS = 60
_PAUSES_SECONDS = (1.0, 2.0, 4.0)
# Metrics with many points pass gRPC's 4 MB; this is the backend's own limit.
_LARGEST_MESSAGE_BYTES = 100 * 1024 * 1024

# ml_metadata/proto/metadata_store{,_service}.proto: by message and field, number and type. "*" is a
# list and "{}" a map by name; enumerations are numbers. Tests compare this with the protos.
FIELDS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Value": {
        "int_value": (1, "int64"),
        "double_value": (2, "double"),
        "string_value": (3, "string"),
        "struct_value": (4, "google.protobuf.Struct"),
        "bool_value": (6, "bool"),
    },
    "Artifact": {
        "id": (1, "int64"),
        "uri": (3, "string"),
        "properties": (4, "{}Value"),
        "custom_properties": (5, "{}Value"),
        "type": (8, "string"),
        "create_time_since_epoch": (9, "int64"),
    },
    "Step": {"index": (1, "int64"), "key": (2, "string")},
    "Path": {"steps": (1, "*Step")},
    "Event": {
        "artifact_id": (1, "int64"),
        "execution_id": (2, "int64"),
        "path": (3, "Path"),
        "type": (4, "int32"),
    },
    "Execution": {
        "id": (1, "int64"),
        "last_known_state": (3, "int32"),
        "custom_properties": (5, "{}Value"),
        "type": (7, "string"),
        "create_time_since_epoch": (8, "int64"),
        "last_update_time_since_epoch": (9, "int64"),
    },
    "Context": {
        "id": (1, "int64"),
        "name": (3, "string"),
        "type": (6, "string"),
        "create_time_since_epoch": (7, "int64"),
    },
    "GetContextByTypeAndNameRequest": {
        "type_name": (1, "string"),
        "context_name": (2, "string"),
    },
    "GetContextByTypeAndNameResponse": {"context": (1, "Context")},
    "GetContextsByTypeRequest": {"type_name": (1, "string")},
    "GetContextsByTypeResponse": {"contexts": (1, "*Context")},
    "GetContextsByExecutionRequest": {"execution_id": (1, "int64")},
    "GetContextsByExecutionResponse": {"contexts": (1, "*Context")},
    "GetParentContextsByContextRequest": {"context_id": (1, "int64")},
    "GetParentContextsByContextResponse": {"contexts": (1, "*Context")},
    "GetExecutionsByContextRequest": {"context_id": (1, "int64")},
    "GetExecutionsByContextResponse": {"executions": (1, "*Execution")},
    "GetEventsByExecutionIDsRequest": {"execution_ids": (1, "*int64")},
    "GetEventsByExecutionIDsResponse": {"events": (1, "*Event")},
    "GetEventsByArtifactIDsRequest": {"artifact_ids": (1, "*int64")},
    "GetEventsByArtifactIDsResponse": {"events": (1, "*Event")},
    "GetArtifactsByIDRequest": {"artifact_ids": (1, "*int64")},
    "GetArtifactsByIDResponse": {"artifacts": (1, "*Artifact")},
    "GetArtifactsByURIRequest": {"uris": (2, "*string")},
    "GetArtifactsByURIResponse": {"artifacts": (1, "*Artifact")},
    "GetExecutionsByIDRequest": {"execution_ids": (1, "*int64")},
    "GetExecutionsByIDResponse": {"executions": (1, "*Execution")},
}


class MetadataClient:
    """A connection to the metadata store of a cluster; it only reads."""

    def __init__(self, target: str) -> None:
        """Connects to `target`, such as `127.0.0.1:8080`.

        Raises:
            InputError: gRPC is not installed.
        """
        try:
            import grpc
        except ImportError as error:
            raise not_installed(
                "grpc",
                extra="kubernetes",
                who="lineage",
                purpose="calls to the metadata store of this cluster",
            ) from error
        self._target = target
        self._channel = grpc.insecure_channel(
            target,
            options=[
                ("grpc.max_receive_message_length", _LARGEST_MESSAGE_BYTES),
                # It is in the cluster or behind a port of this machine: no proxy leads there.
                ("grpc.enable_http_proxy", 0),
            ],
        )

    def call(self, method: str, **fields: Any) -> Any:
        """Returns the answer to a call, such as `call("GetArtifactsByID", artifact_ids=[1])`.

        Raises:
            PlatformError: The store cannot be reached, or refuses.
        """
        import grpc

        ask = self._channel.unary_unary(
            f"{_SERVICE}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=_classes()[f"{method}Response"].FromString,
        )
        request = _classes()[f"{method}Request"](**fields)
        # ABORTED is a deadlock of its database, which the next try is rarely in.
        busy = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED)
        return patiently(
            lambda: ask(request, timeout=_TIMEOUT_SECONDS),
            errors=grpc.RpcError,
            waits=_PAUSES_SECONDS,
            passes=lambda error: error.code() in busy,
            explained=lambda error: self._refusal(method, error),
        )

    def _refusal(self, method: str, error: Any) -> PlatformError:
        reason = one_line(error.details(), 300)
        return PlatformError(
            f"lineage: the metadata store at {self._target} answered {error.code().name} to "
            f"{method}: {reason}. See that the service metadata-grpc-service runs in the cluster, "
            "and that --metadata names its gRPC port, if it is given."
        )


@functools.cache
def _classes() -> dict[str, Any]:
    """Returns the classes of the messages by name."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

    # proto2, like the original: it distinguishes fields that were not sent.
    file = descriptor_pb2.FileDescriptorProto(
        name="headrace/metadata_store.proto", package="headrace.metadata", syntax="proto2"
    )
    file.dependency.append(struct_pb2.DESCRIPTOR.name)
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            _add_field(message, field_name, number, kind)
    pool = descriptor_pool.Default()  # type: ignore[no-untyped-call]  # protobuf has no types
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"headrace.metadata.{name}")
        )
        for name in FIELDS
    }


def _add_field(message: Any, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number)
    is_map = kind.startswith("{}")
    field.label = field.LABEL_REPEATED if is_map or kind[0] == "*" else field.LABEL_OPTIONAL
    kind = kind.removeprefix("*").removeprefix("{}")
    if is_map:
        entry = message.nested_type.add(
            name="".join(part.capitalize() for part in name.split("_")) + "Entry"
        )
        entry.options.map_entry = True
        _add_field(entry, "key", 1, "string")
        _add_field(entry, "value", 2, kind)
        kind = f"{message.name}.{entry.name}"
    if kind in ("int32", "int64", "double", "string", "bool"):
        field.type = getattr(field, f"TYPE_{kind.upper()}")
    else:
        field.type = field.TYPE_MESSAGE
        field.type_name = f".{kind}" if kind.startswith("google.") else f".headrace.metadata.{kind}"
