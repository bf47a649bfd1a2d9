"""Messages of ML Metadata from artifacts, and back. Loaded only when someone asks for them."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2

from headrace_tfx.artifacts.properties import CustomProperty, Property, PropertyType
from headrace_tfx.artifacts.system import SystemArtifact

_TYPES = {
    PropertyType.INT: metadata_store_pb2.INT,
    PropertyType.FLOAT: metadata_store_pb2.DOUBLE,
    PropertyType.STRING: metadata_store_pb2.STRING,
    PropertyType.JSON_VALUE: metadata_store_pb2.STRUCT,
    PropertyType.PROTO: metadata_store_pb2.PROTO,
    PropertyType.BOOLEAN: metadata_store_pb2.BOOLEAN,
}
_BY_NUMBER = {number: each for each, number in _TYPES.items()}
_FIELDS = {
    "int_value": PropertyType.INT,
    "double_value": PropertyType.FLOAT,
    "string_value": PropertyType.STRING,
    "struct_value": PropertyType.JSON_VALUE,
    "proto_value": PropertyType.PROTO,
    "bool_value": PropertyType.BOOLEAN,
}
_STATES = {
    "pending": metadata_store_pb2.Artifact.PENDING,
    "published": metadata_store_pb2.Artifact.LIVE,
    "MARKED_FOR_DELETION": metadata_store_pb2.Artifact.MARKED_FOR_DELETION,
    "deleted": metadata_store_pb2.Artifact.DELETED,
    "abandoned": metadata_store_pb2.Artifact.ABANDONED,
    "reference": metadata_store_pb2.Artifact.REFERENCE,
}
_STATE_NAMES = {number: name for name, number in _STATES.items()}
# The key under which TFX keeps a JSON value that is not an object, as a Struct holds objects only.
_SINGLE_VALUE = "__value__"


def type_message(
    name: str, declared: Mapping[str, Property], annotation: type[SystemArtifact] | None
) -> metadata_store_pb2.ArtifactType:
    """Returns the message of a type."""
    message = metadata_store_pb2.ArtifactType(name=name)
    for key, each in declared.items():
        message.properties[key] = _TYPES[each.type]
    if annotation is not None and annotation.MLMD_SYSTEM_BASE_TYPE:
        message.base_type = annotation.MLMD_SYSTEM_BASE_TYPE
    return message


def properties_of(message: metadata_store_pb2.ArtifactType) -> Mapping[str, Property]:
    """Returns the declared properties of a type.

    Raises:
        ValueError: The message is of another kind, or a property has an unknown type.
    """
    if not isinstance(message, metadata_store_pb2.ArtifactType):
        raise ValueError(f"the artifact type is {message!r}, expected a message ArtifactType")
    declared = {}
    for name, number in message.properties.items():
        if number not in _BY_NUMBER:
            raise ValueError(f"property {name!r} of {message.name} has the unknown type {number}")
        declared[name] = Property(_BY_NUMBER[number])
    return declared


def annotation_of(message: metadata_store_pb2.ArtifactType) -> type[SystemArtifact] | None:
    """Returns the annotation of a type; None if it has none."""
    for each in SystemArtifact.__subclasses__():
        if message.base_type and message.base_type == each.MLMD_SYSTEM_BASE_TYPE:
            return each
    return None


def artifact_message(
    original: metadata_store_pb2.Artifact | None,
    declared: Mapping[str, Property],
    values: Mapping[str, Any],
    custom: Mapping[str, CustomProperty],
) -> metadata_store_pb2.Artifact:
    """Returns the message of an artifact, without its URI and numbers.

    Args:
        original: The message that it was made of, whose other fields stay, such as its times.
        declared: The declared properties.
        values: Those that are set.
        custom: The custom properties.
    """
    message = metadata_store_pb2.Artifact()
    if original is not None:
        message.CopyFrom(original)
        message.ClearField("properties")
        message.ClearField("custom_properties")
    for name, value in values.items():
        if value is None:
            continue
        kind = declared[name].type if name in declared else _kind_of(value)
        _write(message.properties[name], kind, value)
    for name, each in custom.items():
        if name == "state" and each.value in _STATES:
            message.state = _STATES[each.value]
        else:
            _write(message.custom_properties[name], each.type, each.value)
        if name == "name":
            message.name = each.value
    return message


def values_of(
    message: metadata_store_pb2.Artifact,
) -> tuple[dict[str, Any], dict[str, CustomProperty]]:
    """Returns the declared and the custom properties of a message.

    Raises:
        ValueError: The message is of another kind.
    """
    if not isinstance(message, metadata_store_pb2.Artifact):
        raise ValueError(f"the artifact is {message!r}, expected a message Artifact")
    declared = {name: _read(value)[1] for name, value in message.properties.items()}
    custom = {
        name: CustomProperty(*_read(value)) for name, value in message.custom_properties.items()
    }
    if message.name:
        custom.setdefault("name", CustomProperty(PropertyType.STRING, message.name))
    if message.state in _STATE_NAMES:
        custom["state"] = CustomProperty(PropertyType.STRING, _STATE_NAMES[message.state])
    return declared, custom


def messages_of(
    artifact_type: Mapping[str, Any], artifact: Mapping[str, Any]
) -> tuple[metadata_store_pb2.ArtifactType, metadata_store_pb2.Artifact]:
    """Returns the messages of two dicts with their fields."""
    return (
        json_format.ParseDict(artifact_type, metadata_store_pb2.ArtifactType()),
        json_format.ParseDict(artifact, metadata_store_pb2.Artifact()),
    )


def _kind_of(value: Any) -> PropertyType:
    for python, kind in ((bool, PropertyType.BOOLEAN), (int, PropertyType.INT)):
        if isinstance(value, python):
            return kind
    if isinstance(value, float):
        return PropertyType.FLOAT
    return PropertyType.STRING if isinstance(value, str) else PropertyType.JSON_VALUE


def _write(target: metadata_store_pb2.Value, kind: PropertyType, value: Any) -> None:
    if kind is PropertyType.JSON_VALUE:
        held = value if isinstance(value, dict) else {_SINGLE_VALUE: value}
        json_format.ParseDict(held, target.struct_value)
    elif kind is PropertyType.PROTO:
        target.proto_value.Pack(value)
    else:
        field = next(name for name, each in _FIELDS.items() if each is kind)
        setattr(target, field, value)


def _read(value: metadata_store_pb2.Value) -> tuple[PropertyType, Any]:
    field = value.WhichOneof("value") or "string_value"
    kind = _FIELDS[field]
    if kind is PropertyType.JSON_VALUE:
        held = json_format.MessageToDict(value.struct_value)
        return kind, held.get(_SINGLE_VALUE, held)
    if kind is PropertyType.PROTO:
        from headrace_tfx.files.proto_utils import unpack_proto_any

        return kind, unpack_proto_any(value.proto_value)
    return kind, getattr(value, field)
