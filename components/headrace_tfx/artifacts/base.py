"""TFX's class of artifacts, with properties as attributes.

Values are kept as Python objects. Messages of ML Metadata are made of them when someone asks, so
that a pipeline file or a task that never does needs neither ML Metadata nor protobuf.
"""

import copy
import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from headrace_components.contract.artifact_types import BY_TFX_TITLE, ArtifactType
from headrace_tfx.artifacts.properties import CustomProperty, JsonValue, Property, PropertyType
from headrace_tfx.artifacts.system import SystemArtifact
from headrace_tfx.files.json_utils import Jsonable

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from ml_metadata.proto import metadata_store_pb2

CUSTOM_PROPERTIES_PREFIX = "custom:"
DEFAULT_EXAMPLE_SPLITS = ["train", "eval"]


class ArtifactState:
    """The states of an artifact, as texts."""

    PENDING = "pending"
    PUBLISHED = "published"
    MISSING = "missing"
    MARKED_FOR_DELETION = "MARKED_FOR_DELETION"
    DELETED = "deleted"
    ABANDONED = "abandoned"
    REFERENCE = "reference"


class Artifact(Jsonable):
    """An artifact of a type; an author's type is a class derived from this one.

    Attributes:
        TYPE_NAME: The name of the type in ML Metadata.
        TYPE_ANNOTATION: What it is, such as `standard_annotations.Dataset`; or None.
        PROPERTIES: The declared properties by name, which are attributes of the artifact.

    Raises:
        ValueError: The class has no `TYPE_NAME`, `PROPERTIES` is not a dict of `Property` objects
            by name, or `TYPE_ANNOTATION` is not a class of `standard_annotations`.
        AttributeError: An attribute was set that is not a declared property.
    """

    TYPE_NAME: ClassVar[str | None] = None
    TYPE_ANNOTATION: ClassVar[type[SystemArtifact] | None] = None
    PROPERTIES: ClassVar[dict[str, Property] | None] = None

    _initialized = False
    # Whether a type `<name of this one>_<anything>` of a store is derived from this one.
    _is_base_of_names = False
    _declared: Mapping[str, Property]
    _values: dict[str, Any]
    _custom: dict[str, CustomProperty]
    _type_message: "metadata_store_pb2.ArtifactType | None"
    _message: "metadata_store_pb2.Artifact | None"

    def __init__(self, mlmd_artifact_type: "metadata_store_pb2.ArtifactType | None" = None) -> None:
        own = type(self)
        if own is Artifact:
            if mlmd_artifact_type is None or not hasattr(mlmd_artifact_type, "base_type"):
                raise ValueError(
                    f"Artifact(mlmd_artifact_type={mlmd_artifact_type!r}) has no type. Use a "
                    "class of standard_artifacts, or derive a class with a TYPE_NAME"
                )
        elif mlmd_artifact_type is not None:
            raise ValueError(
                f"{own.__name__}(mlmd_artifact_type=...) has two types. Only Artifact itself takes "
                "one"
            )
        self._uri = ""
        self._id = 0
        self._type_id = 0
        self._values = {}
        self._custom = {}
        self._message = None
        self._type_message = mlmd_artifact_type
        self._declared = _declared(own) if mlmd_artifact_type is None else {}
        self._type_name = _type_name(own) if mlmd_artifact_type is None else ""
        _check_annotation(own)
        self._initialized = True
        if mlmd_artifact_type is not None:
            self.set_mlmd_artifact_type(mlmd_artifact_type)

    def __repr__(self) -> str:
        shown = {"uri": self._uri, **({"id": self._id} if self._id else {}), **self._values}
        shown.update((name, each.value) for name, each in sorted(self._custom.items()))
        values = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"{self.type_name}({values})"

    def __getattr__(self, name: str) -> Any:
        # Python asks this for names that it does not find, also while it copies or unpickles.
        if name.startswith("_") or name not in self._declared:
            raise AttributeError(
                f"the artifact type {type(self).__name__} has no property {name!r}, only "
                f"{', '.join(sorted(self.__dict__.get('_declared', ()))) or 'custom properties'}"
            )
        return self._values.get(name, self._declared[name].zero)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in self._declared:
            self._values[name] = self._declared[name].checked(name, value)
        elif not self._initialized or name in self.__dict__ or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        else:
            known = ", ".join(sorted(self._declared)) or "none"
            raise AttributeError(
                f"{name!r} is not a declared property of the artifact type "
                f"{type(self).__name__} (declared: {known}). Declare it in PROPERTIES, or use "
                f"set_string_custom_property({name!r}, ...) or one like it"
            )

    @property
    def type(self) -> "type[Artifact]":
        """The class."""
        return self.__class__

    @property
    def type_name(self) -> str:
        """The name of the type in ML Metadata."""
        return self._type_name

    @property
    def uri(self) -> str:
        """Path or URI of the contents."""
        return self._uri

    @uri.setter
    def uri(self, uri: str) -> None:
        self._uri = uri

    @property
    def id(self) -> int:
        """Number in the store; 0 before it is there."""
        return self._id

    @id.setter
    def id(self, artifact_id: int) -> None:
        self._id = artifact_id

    @property
    def type_id(self) -> int:
        """Number of the type in the store; 0 before it is there."""
        return self._type_id

    @type_id.setter
    def type_id(self, type_id: int) -> None:
        self._type_id = type_id

    @property
    def name(self) -> str:
        """The name that was given to it; empty for most."""
        return self._system("name")

    @name.setter
    def name(self, name: str) -> None:
        self.set_string_custom_property("name", name)

    @property
    def state(self) -> str:
        """One of the texts of `ArtifactState`, or empty."""
        return self._system("state")

    @state.setter
    def state(self, state: str) -> None:
        self.set_string_custom_property("state", state)

    @property
    def pipeline_name(self) -> str:
        """The pipeline that made it; empty if unknown."""
        return self._system("pipeline_name")

    @pipeline_name.setter
    def pipeline_name(self, pipeline_name: str) -> None:
        self.set_string_custom_property("pipeline_name", pipeline_name)

    @property
    def producer_component(self) -> str:
        """The node that made it; empty if unknown."""
        return self._system("producer_component")

    @producer_component.setter
    def producer_component(self, producer_component: str) -> None:
        self.set_string_custom_property("producer_component", producer_component)

    @property
    def external_id(self) -> str:
        """The number in another store; empty if it has none."""
        return str(self._message.external_id) if self._message is not None else ""

    @property
    def is_external(self) -> bool:
        """Whether it was imported from outside the pipeline."""
        return self.get_int_custom_property("is_external") == 1

    @is_external.setter
    def is_external(self, is_external: bool) -> None:
        self.set_int_custom_property("is_external", is_external)

    def has_property(self, key: str) -> bool:
        """Returns whether a declared property was set."""
        return key in self._values

    def has_custom_property(self, key: str) -> bool:
        """Returns whether there is a custom property."""
        return key in self._custom

    def set_string_custom_property(self, key: str, value: str) -> None:
        """Sets a text."""
        if not isinstance(value, str | bytes):
            raise TypeError(f"custom property {key!r} is {value!r}, expected a text")
        text = value.decode("utf-8") if isinstance(value, bytes) else value
        self._custom[key] = CustomProperty(PropertyType.STRING, text)

    def set_int_custom_property(self, key: str, value: int) -> None:
        """Sets a whole number."""
        self._custom[key] = CustomProperty(PropertyType.INT, int(value))

    def set_float_custom_property(self, key: str, value: float) -> None:
        """Sets a number."""
        self._custom[key] = CustomProperty(PropertyType.FLOAT, float(value))

    def set_bool_custom_property(self, key: str, value: bool) -> None:
        """Sets a truth value."""
        self._custom[key] = CustomProperty(PropertyType.BOOLEAN, bool(value))

    def set_json_value_custom_property(self, key: str, value: JsonValue) -> None:
        """Sets a JSON value; None removes the property."""
        if value is None:
            self._custom.pop(key, None)
        else:
            self._custom[key] = CustomProperty(PropertyType.JSON_VALUE, value)

    def set_proto_custom_property(self, key: str, value: "Message | None") -> None:
        """Sets a message; None removes the property."""
        if value is None:
            self._custom.pop(key, None)
        else:
            self._custom[key] = CustomProperty(PropertyType.PROTO, value)

    def get_string_custom_property(self, key: str) -> str:
        """Returns a text; empty if there is none."""
        value = self.get_custom_property(key)
        return value if isinstance(value, str) else ""

    def get_int_custom_property(self, key: str) -> int:
        """Returns a whole number; 0 if there is none."""
        kept = self._custom.get(key)
        if kept is None or isinstance(kept.value, bool):
            return 0
        if kept.type is PropertyType.INT:
            return int(kept.value)
        is_json = kept.type is PropertyType.JSON_VALUE
        return int(kept.value) if is_json and isinstance(kept.value, int | float) else 0

    def get_float_custom_property(self, key: str) -> float:
        """Returns a number; 0.0 if there is none."""
        kept = self._custom.get(key)
        if kept is None or isinstance(kept.value, bool) or kept.type is PropertyType.INT:
            return 0.0
        return float(kept.value) if isinstance(kept.value, int | float) else 0.0

    def get_bool_custom_property(self, key: str) -> bool:
        """Returns a truth value; False if there is none."""
        value = self.get_custom_property(key)
        return value if isinstance(value, bool) else False

    def get_json_value_custom_property(self, key: str) -> JsonValue:
        """Returns a JSON value; None if there is none."""
        kept = self._custom.get(key)
        json_value: JsonValue = None
        if kept is not None and kept.type is PropertyType.JSON_VALUE:
            json_value = kept.value
        return json_value

    def get_proto_custom_property(self, key: str) -> "Message | None":
        """Returns a message; None if there is none."""
        kept = self._custom.get(key)
        return kept.value if kept is not None and kept.type is PropertyType.PROTO else None

    def get_custom_property(self, key: str) -> Any:
        """Returns a custom property of any type; None if there is none."""
        kept = self._custom.get(key)
        return None if kept is None else kept.value

    @property
    def properties_set(self) -> Mapping[str, Any]:
        """The declared properties that were set, by name."""
        return dict(self._values)

    @property
    def custom_properties_set(self) -> Mapping[str, CustomProperty]:
        """The custom properties by name."""
        return dict(self._custom)

    def copy_from(self, other: "Artifact") -> None:
        """Takes the URI and all properties of an artifact of the same type.

        Raises:
            TypeError: It has another type.
        """
        if other.type is not self.type:
            raise TypeError(
                f"cannot copy the properties of {other.type_name} to {self.type_name}: the types "
                "must be the same"
            )
        self._uri, self._type_id = other._uri, other._type_id
        self._values = copy.deepcopy(other._values)
        self._custom = copy.deepcopy(other._custom)

    @property
    def artifact_type(self) -> "metadata_store_pb2.ArtifactType":
        """The type as a message of ML Metadata."""
        if self._type_message is None:
            from headrace_tfx.artifacts import mlmd

            annotation = type(self).TYPE_ANNOTATION
            self._type_message = mlmd.type_message(self.type_name, self._declared, annotation)
        return self._type_message

    @property
    def mlmd_artifact(self) -> "metadata_store_pb2.Artifact":
        """The artifact as a message of ML Metadata, made anew each time."""
        from headrace_tfx.artifacts import mlmd

        message = mlmd.artifact_message(self._message, self._declared, self._values, self._custom)
        for field, value in (("uri", self._uri), ("id", self._id), ("type_id", self._type_id)):
            if value:  # proto2 would otherwise say that it was set
                setattr(message, field, value)
        return message

    def set_mlmd_artifact(self, artifact: "metadata_store_pb2.Artifact") -> None:
        """Takes the URI, number and properties of a message.

        Raises:
            ValueError: It is another kind of message.
        """
        from headrace_tfx.artifacts import mlmd

        self._values, self._custom = mlmd.values_of(artifact)
        self._uri, self._id, self._type_id = artifact.uri, artifact.id, artifact.type_id
        self._message = artifact

    def set_mlmd_artifact_type(self, artifact_type: "metadata_store_pb2.ArtifactType") -> None:
        """Takes the name, number and declared properties of a type.

        Raises:
            ValueError: It is another kind of message.
        """
        from headrace_tfx.artifacts import mlmd

        self._declared = mlmd.properties_of(artifact_type)
        self._type_name, self._type_id = artifact_type.name, artifact_type.id
        self._type_message = artifact_type

    def to_json_dict(self) -> dict[str, Any]:
        """Returns the messages of ML Metadata as dicts, and where the class is."""
        from headrace_tfx.files.proto_utils import proto_to_dict

        return {
            "artifact": proto_to_dict(self.mlmd_artifact),
            "artifact_type": proto_to_dict(self.artifact_type),
            "__artifact_class_module__": type(self).__module__,
            "__artifact_class_name__": type(self).__qualname__,
        }

    @classmethod
    def from_json_dict(cls, dict_data: dict[str, Any]) -> "Artifact":
        """Returns the artifact of such a dict.

        Its class is the named one, or one of the same type if that cannot be imported.
        """
        from headrace_tfx.artifacts import mlmd

        artifact_type, message = mlmd.messages_of(dict_data["artifact_type"], dict_data["artifact"])
        try:
            named: Any = importlib.import_module(dict_data["__artifact_class_module__"])
            for part in dict_data["__artifact_class_name__"].split("."):
                named = getattr(named, part)
        except (ImportError, AttributeError):
            named = class_of_type(artifact_type)
        made: Artifact = Artifact(artifact_type) if named is Artifact else named()
        made.set_mlmd_artifact_type(artifact_type)
        made.set_mlmd_artifact(message)
        return made

    def _system(self, key: str) -> str:
        # Types of old stores declare these; otherwise they are custom properties.
        if key in self._values:
            return str(self._values[key])
        return self.get_string_custom_property(key)


def contract_type(artifact_class: type[Artifact]) -> ArtifactType | None:
    """Returns Headrace's type of the same name; None for a type that Headrace does not have."""
    return BY_TFX_TITLE.get(f"tfx.{artifact_class.TYPE_NAME}")


def class_of_type(artifact_type: "metadata_store_pb2.ArtifactType") -> type[Artifact]:
    """Returns a class with the name and properties of a type, a new one if none is imported."""
    from headrace_tfx.artifacts import mlmd

    declared = mlmd.properties_of(artifact_type)
    known = list(_named_classes(Artifact))
    for each in sorted(known, key=lambda each: bool(each.__dict__.get("_is_made"))):
        if artifact_type.name == each.TYPE_NAME and (each.PROPERTIES or {}) == declared:
            return each
    bases = [each for each in known if each._is_base_of_names]
    base = next(
        (each for each in bases if artifact_type.name.startswith(f"{each.TYPE_NAME}_")), Artifact
    )
    attributes: dict[str, Any] = {
        "TYPE_NAME": artifact_type.name,
        "TYPE_ANNOTATION": mlmd.annotation_of(artifact_type),
        "PROPERTIES": dict(declared),
        "_is_made": True,
    }
    return type(str(artifact_type.name), (base,), attributes)


def _named_classes(base: type[Artifact]) -> Iterator[type[Artifact]]:
    for each in base.__subclasses__():
        if each.TYPE_NAME:
            yield each
        yield from _named_classes(each)


def _type_name(artifact_class: type[Artifact]) -> str:
    name = artifact_class.TYPE_NAME
    if not isinstance(name, str) or not name:
        raise ValueError(
            f"the artifact type {artifact_class.__name__} has TYPE_NAME {name!r}, expected a name: "
            f"TYPE_NAME = {artifact_class.__name__!r}"
        )
    return name


def _check_annotation(artifact_class: type[Artifact]) -> None:
    annotation: Any = artifact_class.TYPE_ANNOTATION
    is_class = isinstance(annotation, type) and issubclass(annotation, SystemArtifact)
    if annotation is not None and not is_class:
        raise ValueError(
            f"the artifact type {artifact_class.__name__} has TYPE_ANNOTATION {annotation!r}, "
            "expected Dataset, Model, Metrics or Statistics of tfx.dsl.standard_annotations"
        )


def _declared(artifact_class: type[Artifact]) -> Mapping[str, Property]:
    declared: Any = artifact_class.PROPERTIES or {}
    if not isinstance(declared, dict) or not all(
        isinstance(key, str | bytes) and isinstance(value, Property)
        for key, value in declared.items()
    ):
        raise ValueError(
            f"the artifact type {artifact_class.__name__} has PROPERTIES {declared!r}, expected a "
            "dict of names to Property objects"
        )
    return declared
