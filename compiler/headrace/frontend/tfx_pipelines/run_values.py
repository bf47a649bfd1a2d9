"""TFX's placeholders as values of a kfp pipeline: outputs of tasks, and tasks that read properties.

`channel.future()[0].value` is an output parameter of the task. A property of an artifact is no
parameter for kfp, so a `read_value` task reads it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from headrace.errors import CompileError
from headrace.frontend.tfx_pipelines import layout
from headrace.frontend.tfx_pipelines.naming import Names
from headrace.frontend.tfx_pipelines.plan import OutputRef, Step, Value
from headrace_tfx.artifacts import values
from headrace_tfx.authoring.placeholders import (
    ArtifactProperty,
    ArtifactUri,
    ArtifactValue,
    ChannelWrappedPlaceholder,
    MakeProtoPlaceholder,
    Placeholder,
    message_of,
)

# The Python types of value artifacts, whose values are output parameters.
VALUE_TYPES: Mapping[str, type[Any]] = {
    "Integer": int, "Float": float, "String": str, "Boolean": bool, "JsonValue": dict,
}  # fmt: skip


class ReferenceMaker(Protocol):
    """What this module needs of a `Translation`."""

    node: str
    names: Names

    def error(self, message: str) -> CompileError:
        """Returns an error about the node."""

    def output(self, channel: Any) -> OutputRef:
        """Returns the output that a channel stands for."""

    def catalogue(self, component: str) -> str:
        """Returns the expression for a component of the catalogue."""

    def value(self, given: Any, name: str, wanted: type[Any] = object) -> Value:
        """Returns what an author gave as a value of the plan."""


class RunValues:
    """Values that only a run has, and the tasks that read them.

    Attributes:
        pending: Tasks that were made since `taken` was called.
    """

    def __init__(self, context: ReferenceMaker) -> None:
        self._context = context
        self.pending: list[Step] = []
        self._shared: dict[str, Step] = {}

    def taken(self, *, is_shared: bool) -> tuple[Step, ...]:
        """Returns the tasks that were made since the last call.

        Args:
            is_shared: Whether they stand outside of all conditions, so that every later node may
                read from them.
        """
        made, self.pending = tuple(self.pending), []
        if is_shared:
            self._shared.update((layout.flat(dict(each.arguments)), each) for each in made)
        return made

    def reference(self, given: Placeholder, name: str, wanted: type[Any]) -> Value:
        """Returns the value of a placeholder in a node's parameter.

        Args:
            given: The placeholder.
            name: The parameter, for messages.
            wanted: Its type in our component; `object` within a dict or list.

        Raises:
            CompileError: kfp has nothing like it.
        """
        if isinstance(given, MakeProtoPlaceholder):
            return self._message(given, name)
        if isinstance(given, (ArtifactValue, ArtifactProperty, ArtifactUri)) and isinstance(
            given.of, ChannelWrappedPlaceholder
        ):
            return self._converted(given, name, wanted)
        raise self._context.error(
            f"`{name}` is the placeholder {given!r}, expected `channel.future()[0].value`, which "
            "is all that a parameter of kfp can be. Compute the rest in a component with "
            "@component."
        )

    def _message(self, given: MakeProtoPlaceholder, name: str) -> Value:
        base, fields = message_of(given)
        start = self._context.value(base, name)
        others = {key: self._context.value(each, name) for key, each in fields.items()}
        return {**start, **others}

    def _converted(
        self, given: ArtifactValue | ArtifactProperty | ArtifactUri, name: str, wanted: type[Any]
    ) -> OutputRef:
        if isinstance(given, ArtifactUri):
            found, kind = self.uri(given), str
        elif isinstance(given, ArtifactProperty):
            number = wanted in (int, float)
            found, kind = self.property_of(given, wanted if number else str), wanted
        else:
            found, kind = self.value_of(given)
        if kind is str and wanted is dict:
            return self.parsed(found)
        if wanted is not object and kind is not wanted:
            raise self._context.error(
                f"`{name}` is {given!r}, a {kind.__name__}, expected a {wanted.__name__}. Give the "
                f"producer an output of type {wanted.__name__}."
            )
        return found

    def value_of(self, given: ArtifactValue) -> tuple[OutputRef, type[Any]]:
        """Returns the value of a value artifact, and its type.

        Raises:
            CompileError: The artifact is none, or not the first.
        """
        channel = self._first(given.of)
        kind = value_type(channel.type)
        if kind is None:
            raise self._context.error(
                f"{given!r} is the value of an artifact of type {channel.type_name}, expected a "
                f"type with values: {', '.join(VALUE_TYPES)}."
            )
        return self._context.output(channel), kind

    def property_of(self, given: ArtifactProperty, kind: type[Any]) -> OutputRef:
        """Returns a property of an artifact as an int, a float or a str."""
        channel = self._first(given.of)
        arguments: dict[str, Value] = {
            "artifact": self._context.output(channel),
            "property_name": given.key,
        }
        if kind is not str:
            arguments["is_number"] = True
        port = {int: "integer", float: "number"}.get(kind, "text")
        return self._read(f"{_producer(channel)}_{given.key}", arguments).output(port)

    def uri(self, given: ArtifactUri) -> OutputRef:
        """Returns the URI of an artifact.

        Raises:
            CompileError: It is that of a split.
        """
        if given.split:
            raise self._context.error(
                f"{given!r} is the URI of a split, expected that of an artifact: `.uri`."
            )
        channel = self._first(given.of)
        arguments = {"artifact": self._context.output(channel)}
        return self._read(f"{_producer(channel)}_uri", arguments).output("text")

    def parsed(self, text: OutputRef) -> OutputRef:
        """Returns the dict of JSON text."""
        return self._read(f"{text.step}_{text.port}", {"json_text": text}).output("json")

    def holds(self, groups: Iterable[Iterable[Mapping[str, Value]]], name: str) -> OutputRef:
        """Returns whether all comparisons of one group hold."""
        any_of = [{"all_of": [dict(each) for each in group]} for group in groups]
        return self._read(name, {"any_of": any_of}).output("holds")

    def constant(self, given: Any) -> int | float | str:
        """Returns a constant of a condition.

        Raises:
            CompileError: It is a placeholder, or of another type.
        """
        if isinstance(given, bool):
            return int(given)
        if isinstance(given, (int, float, str)):
            return given
        raise self._context.error(
            f"its Cond compares with {given!r}, expected a property, URI or value of "
            "`node.outputs[...].future()[0]`, a number or a text. Compute it in a component with "
            "@component, and compare its output."
        )

    def _read(self, name: str, arguments: Mapping[str, Value]) -> Step:
        key = layout.flat(dict(arguments))
        known = [each for each in self.pending if layout.flat(dict(each.arguments)) == key]
        if known or key in self._shared:
            return known[0] if known else self._shared[key]
        step = Step(
            node=self._context.node,
            variable=self._context.names.new(name),
            component=self._context.catalogue("read_value"),
            arguments=arguments,
            is_helper=True,
        )
        self.pending.append(step)
        return step

    def _first(self, artifact: Any) -> Any:
        if not isinstance(artifact, ChannelWrappedPlaceholder):
            raise self._context.error(
                f"{artifact!r} is an artifact of the node itself, expected one of a channel: "
                "`node.outputs[...].future()[0]`."
            )
        if artifact.index:
            raise self._context.error(
                f"{artifact!r} is artifact {artifact.index} of a channel, expected the first: a "
                "port of Kubeflow Pipelines carries one."
            )
        return artifact.channel


def value_type(kind: type[Any]) -> type[Any] | None:
    """Returns the Python type of a value artifact's values; None for other artifacts."""
    for name, found in VALUE_TYPES.items():
        if issubclass(kind, getattr(values, name)):
            return found
    return None


def _producer(channel: Any) -> str:
    return "_".join(str(node.id) for node in channel.producers()[:1]) or "artifact"
