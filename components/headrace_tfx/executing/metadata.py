"""Properties of artifacts, from the metadata that a backend carries and back."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from headrace_components.contract import property_types
from headrace_tfx.artifacts.base import Artifact, contract_type
from headrace_tfx.artifacts.properties import CustomProperty, Property, PropertyType

_KINDS: Mapping[PropertyType, str] = {
    PropertyType.INT: "INT",
    PropertyType.FLOAT: "DOUBLE",
    PropertyType.STRING: "STRING",
    PropertyType.JSON_VALUE: "STRUCT",
    PropertyType.PROTO: "PROTO",
    PropertyType.BOOLEAN: "BOOLEAN",
}
_TYPES = {kind: each for each, kind in _KINDS.items()}

# Of the backend and of this format.
_HIDDEN = frozenset({"store_session_info", property_types.KEY})
# These only mean something in a store.
_OF_STORE = frozenset({"state"})


def property_of(kind: str) -> Property:
    """Returns the declaration of a property, by its type in ML Metadata."""
    return Property(_TYPES[kind])


def read(artifact: Artifact, metadata: Mapping[str, Any]) -> None:
    """Gives an artifact the properties that its metadata has."""
    declared = artifact.PROPERTIES or {}
    own, custom = property_types.types_in(metadata)
    for name, value in metadata.items():
        if name in _HIDDEN or value is None:
            continue
        if name in declared:
            setattr(artifact, name, _decoded(_KINDS[declared[name].type], value))
        else:
            kind = custom.get(name) or own.get(name) or _guessed(value)
            _set_custom(artifact, name, kind, _decoded(kind, value))


def written(artifact: Artifact) -> dict[str, str | int | float]:
    """Returns the properties of an artifact as metadata.

    Raises:
        ValueError: A declared and a custom property have the same name.
    """
    declared = {name: _KINDS[each.type] for name, each in (artifact.PROPERTIES or {}).items()}
    custom = {
        name: each for name, each in artifact.custom_properties_set.items() if name not in _OF_STORE
    }
    if twice := sorted(set(artifact.properties_set) & set(custom)):
        raise ValueError(
            f"the {artifact.type_name} has declared and custom properties called {twice}, of which "
            "a backend carries one. Rename the custom ones"
        )
    values: dict[str, str | int | float] = {
        name: _encoded(declared[name], value)
        for name, value in artifact.properties_set.items()
        if value is not None
    }
    for name, each in custom.items():
        values[name] = _encoded(_KINDS[each.type], each.value)
    return {**values, **_types(artifact, declared, custom)}


def _types(
    artifact: Artifact, declared: Mapping[str, str], custom: Mapping[str, CustomProperty]
) -> dict[str, str]:
    known = contract_type(type(artifact))
    own = {} if known is not None else declared
    others = {name: _KINDS[each.type] for name, each in custom.items()}
    return property_types.entry(own, {k: v for k, v in others.items() if v != "STRING"})


def _encoded(kind: str, value: Any) -> str | int | float:
    if kind == "PROTO":
        from google.protobuf.any_pb2 import Any as AnyMessage

        packed = AnyMessage()
        packed.Pack(value)
        value = base64.b64encode(packed.SerializeToString(deterministic=True)).decode()
    return property_types.encoded(kind, value)


def _decoded(kind: str, value: Any) -> Any:
    if kind == "PROTO":
        from google.protobuf.any_pb2 import Any as AnyMessage

        from headrace_tfx.files.proto_utils import unpack_proto_any

        return unpack_proto_any(AnyMessage.FromString(base64.b64decode(value)))
    return property_types.decoded(kind, value)


def _guessed(value: Any) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "INT"  # Kubeflow makes a float of each number
    return "DOUBLE" if isinstance(value, float) else "STRING"


def _set_custom(artifact: Artifact, name: str, kind: str, value: Any) -> None:
    setters: dict[str, Callable[[str, Any], None]] = {
        "BOOLEAN": artifact.set_bool_custom_property,
        "DOUBLE": artifact.set_float_custom_property,
        "INT": artifact.set_int_custom_property,
        "PROTO": artifact.set_proto_custom_property,
        "STRING": artifact.set_string_custom_property,
        "STRUCT": artifact.set_json_value_custom_property,
    }
    setters[kind](name, value)
