"""Channels: what a node reads. A channel stands for artifacts that only a run has."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.authoring.placeholders import ChannelWrappedPlaceholder


class BaseChannel:
    """Base of all channels. Two channels are equal if they are the same object.

    Attributes:
        is_optional: Whether a node may run though the channel is empty; None if no one said.

    Raises:
        ValueError: `type` is not a class of artifacts.
    """

    def __init__(self, type: type[Artifact], is_optional: bool | None = None) -> None:
        if not is_artifact_type(type):
            raise ValueError(
                f"{self.__class__.__name__}: `type` is {type!r}, expected a class of artifacts, "
                "such as standard_artifacts.Examples."
            )
        self._type = type
        self.is_optional = is_optional
        self.input_trigger: Any = None

    @property
    def type(self) -> "type[Artifact]":
        """The class of its artifacts."""
        return self._type

    @type.setter
    def type(self, value: "type[Artifact]") -> None:
        if not is_artifact_type(value):
            raise TypeError(f"{self!r}: `type` is {value!r}, expected a class of artifacts.")
        self._type = value

    @property
    def type_name(self) -> str:
        """The name of the type of its artifacts."""
        return str(self.type.TYPE_NAME)

    def producers(self) -> list[Any]:
        """Returns the nodes of this pipeline that have to run before the channel is full."""
        return []

    def get_data_dependent_node_ids(self) -> set[str]:
        """Returns the ids of `producers`."""
        return {node.id for node in self.producers()}

    def as_optional(self) -> Self:
        """Returns a copy that may be empty when its consumer runs."""
        optional = copy.copy(self)
        optional.is_optional = True
        return optional

    def no_trigger(self) -> Self:
        """Returns a copy whose new artifacts start nothing, in pipelines that run all the time."""
        return self._triggered_by("none")

    def trigger_by_property(self, *property_keys: str) -> Self:
        """Returns a copy that starts its consumer when one of these properties has a new value."""
        return self._triggered_by(property_keys)

    def _triggered_by(self, trigger: Any) -> Self:
        changed = copy.copy(self)
        changed.input_trigger = trigger
        return changed

    def future(self) -> ChannelWrappedPlaceholder:
        """Returns its artifacts as a placeholder, for conditions and parameters."""
        return ChannelWrappedPlaceholder(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.type_name})"


class Channel(BaseChannel):
    """Artifacts that earlier runs of this pipeline made; in `OUTPUTS` of a component, an output.

    Attributes:
        additional_properties: Properties of the artifacts when the channel is an output.
        additional_custom_properties: Custom properties of them.
        producer_component_id: Id of the node that made them; None for any node.
        output_key: Name of the node's output; None for any output.

    Raises:
        ValueError: An argument has another type.
    """

    def __init__(
        self,
        type: type[Artifact],
        additional_properties: Mapping[str, Any] | None = None,
        additional_custom_properties: Mapping[str, Any] | None = None,
        artifacts: Iterable[Artifact] | None = None,  # noqa: ARG002  TFX takes and ignores it
        producer_component_id: str | None = None,
        output_key: str | None = None,
    ) -> None:
        super().__init__(type)
        _check_properties("additional_properties", additional_properties)
        _check_properties("additional_custom_properties", additional_custom_properties)
        _check_text("producer_component_id", producer_component_id)
        _check_text("output_key", output_key)
        self.additional_properties = dict(additional_properties or {})
        self.additional_custom_properties = dict(additional_custom_properties or {})
        self._producer_component_id = producer_component_id
        self.output_key = output_key
        self._artifacts: Iterable[Artifact] = []
        self.matching_channel_name: str | None = None

    @property
    def producer_component_id(self) -> str | None:
        """Id of the node that makes the artifacts."""
        return self._producer_component_id

    @producer_component_id.setter
    def producer_component_id(self, value: str) -> None:
        _check_text("producer_component_id", value)
        self._producer_component_id = value

    def get(self) -> Iterable[Artifact]:
        """Returns the artifacts that `set_artifacts` was given; a notebook fills them in."""
        return self._artifacts

    def set_artifacts(self, artifacts: Iterable[Artifact]) -> Self:
        """Sets the artifacts.

        Raises:
            ValueError: One has another type than the channel.
        """
        artifacts = list(artifacts)
        for artifact in artifacts:
            if artifact.type_name != self.type_name:
                raise ValueError(
                    f"{self!r}: got an artifact of type {artifact.type_name}, expected "
                    f"{self.type_name}."
                )
        self._artifacts = artifacts
        return self

    def as_output_channel(self, producer_component: Any, output_key: str) -> "OutputChannel":
        """Returns the channel as an output of a node."""
        output = OutputChannel(
            self.type,
            producer_component,
            output_key,
            additional_properties=self.additional_properties,
            additional_custom_properties=self.additional_custom_properties,
        )
        output.set_artifacts(self._artifacts)
        return output

    def __repr__(self) -> str:
        more = {"producer_component_id": self._producer_component_id, "output_key": self.output_key}
        given = [f"{name}={value!r}" for name, value in more.items() if value]
        return f"{type(self).__name__}({', '.join([self.type_name, *given])})"


class OutputChannel(Channel):
    """An output of a node of this pipeline.

    Attributes:
        producer: The node. Its id may change later, so it is not kept here.
        output_key: Name of the output.
        is_async: Whether artifacts come while the node still runs.
    """

    def __init__(
        self,
        artifact_type: type[Artifact],
        producer_component: Any,
        output_key: str,
        additional_properties: Mapping[str, Any] | None = None,
        additional_custom_properties: Mapping[str, Any] | None = None,
        is_async: bool = False,
    ) -> None:
        super().__init__(
            artifact_type,
            additional_properties=additional_properties,
            additional_custom_properties=additional_custom_properties,
            output_key=output_key,
        )
        self.producer = producer_component
        self.is_async = is_async

    @property
    def producer_component(self) -> Any:
        """The node, under TFX's name."""
        return self.producer

    @property
    def producer_component_id(self) -> str | None:
        """The node's id as it is now."""
        return str(self.producer.id)

    @producer_component_id.setter
    def producer_component_id(self, value: str) -> None:
        raise AttributeError(
            f"{self!r}: its producer was set to {value!r}, expected the node that makes it. Rename "
            "that node with .with_id(...)."
        )

    def producers(self) -> list[Any]:
        """Returns the node."""
        return [self.producer]

    def as_output_channel(self, producer_component: Any, output_key: str) -> "OutputChannel":
        """Returns the channel itself.

        Raises:
            ValueError: It is an output of another node, or another output.
        """
        if producer_component is not self.producer or output_key != self.output_key:
            raise ValueError(
                f"{self!r} was given as the output {output_key!r} of {producer_component.id}, "
                "expected a Channel of its own. Write Channel(type=...)."
            )
        return self

    def __repr__(self) -> str:
        return f"{self.producer.id}.outputs[{self.output_key!r}]"


class UnionChannel(BaseChannel):
    """The artifacts of several channels of one type, each artifact once.

    Attributes:
        channels: The channels; unions among them are taken apart.

    Raises:
        ValueError: There is no channel, or something that is none.
        TypeError: The channels have several types.
    """

    def __init__(self, channels: Iterable[BaseChannel]) -> None:
        self.channels: list[BaseChannel] = []
        for channel in channels:
            if not isinstance(channel, BaseChannel):
                raise ValueError(f"union: got {channel!r}, expected channels.")
            self.channels += channel.channels if isinstance(channel, UnionChannel) else [channel]
        if not self.channels:
            raise ValueError("union: got no channel, expected one at least.")
        super().__init__(self.channels[0].type)
        for channel in self.channels:
            if channel.type is not self.type:
                raise TypeError(
                    f"union: {channel!r} has artifacts of type {channel.type_name}, expected "
                    f"{self.type_name}, as {self.channels[0]!r} has. Join channels of one type."
                )

    def producers(self) -> list[Any]:
        """Returns the nodes of all channels."""
        return [node for channel in self.channels for node in channel.producers()]

    def __repr__(self) -> str:
        return f"union({self.channels!r})"


class PipelineInputChannel(BaseChannel):
    """A channel of the outer pipeline, as nodes of an inner one read it.

    Attributes:
        wrapped: The outer channel.
        output_key: Name among the inputs of the inner pipeline.
        pipeline: The inner pipeline; None before it is made.
    """

    def __init__(self, wrapped: BaseChannel, output_key: str) -> None:
        super().__init__(wrapped.type, wrapped.is_optional)
        self.wrapped = wrapped
        self.output_key = output_key
        self.pipeline: Any = None

    def producers(self) -> list[Any]:
        """Returns the inner pipeline, which has to have begun.

        Raises:
            ValueError: There is no inner pipeline yet.
        """
        if self.pipeline is None:
            raise ValueError(
                f"the pipeline input {self.output_key!r} belongs to no pipeline, expected one. "
                "Give its PipelineInputs to `inputs` of a Pipeline."
            )
        return [self.pipeline]

    def no_trigger(self) -> Self:
        """Raises an error: inner pipelines do not run all the time."""
        raise NotImplementedError("no_trigger: an input of an inner pipeline starts nothing.")

    def trigger_by_property(self, *property_keys: str) -> Self:
        """Raises an error, as `no_trigger` does."""
        raise NotImplementedError(
            f"trigger_by_property{property_keys}: an input of an inner pipeline starts nothing."
        )


class PipelineOutputChannel(OutputChannel):
    """A channel of an inner pipeline, as nodes of the outer one read it.

    Attributes:
        wrapped: The inner channel.
    """

    def __init__(self, wrapped: BaseChannel, pipeline: Any, output_key: str) -> None:
        super().__init__(
            wrapped.type,
            pipeline,
            output_key,
            additional_properties=getattr(wrapped, "additional_properties", None),
            additional_custom_properties=getattr(wrapped, "additional_custom_properties", None),
        )
        self.wrapped = wrapped

    @property
    def pipeline(self) -> Any:
        """The inner pipeline."""
        return self.producer


class ExternalPipelineChannel(BaseChannel):
    """Artifacts that another pipeline made.

    Attributes:
        owner: Owner of that pipeline.
        pipeline_name: Its name.
        producer_component_id: Id of the node that made them.
        output_key: Name of the node's output.
        pipeline_run_id: One run of it; empty for any.
        pipeline_run_tags: Tags that the run has.
    """

    def __init__(
        self,
        artifact_type: type[Artifact],
        *,
        owner: str,
        pipeline_name: str,
        producer_component_id: str,
        output_key: str,
        pipeline_run_id: str = "",
        pipeline_run_tags: Sequence[str] = (),
    ) -> None:
        super().__init__(artifact_type)
        if not owner or not pipeline_name:
            raise ValueError(
                f"external_pipeline_artifact_query: owner={owner!r}, pipeline_name="
                f"{pipeline_name!r}, expected both. Give the one that is missing."
            )
        if pipeline_run_id and pipeline_run_tags:
            raise ValueError(
                "external_pipeline_artifact_query: got pipeline_run_id and pipeline_run_tags, "
                "expected one of them."
            )
        self.owner = owner
        self.pipeline_name = pipeline_name
        self.producer_component_id = producer_component_id
        self.output_key = output_key
        self.pipeline_run_id = pipeline_run_id
        self.pipeline_run_tags = tuple(pipeline_run_tags)


class LoopChannel(BaseChannel):
    """One artifact of a channel in a loop: what `with ForEach(channel) as x` gives.

    Attributes:
        looped: The channel.
    """

    def __init__(self, looped: BaseChannel) -> None:
        super().__init__(looped.type)
        self.looped = looped

    def producers(self) -> list[Any]:
        """Returns the nodes that fill the channel."""
        return self.looped.producers()


class ChannelForTesting(BaseChannel):
    """A channel for tests: two of the same type are equal."""

    def __init__(self, artifact_type: type[Artifact], artifact_ids: Sequence[int] = ()) -> None:
        super().__init__(artifact_type)
        self.artifact_ids = artifact_ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChannelForTesting) and self.type is other.type

    def __hash__(self) -> int:
        return hash(self.type)


def is_artifact_type(value: Any) -> bool:
    """Returns whether a value is a class of artifacts."""
    return isinstance(value, type) and issubclass(value, Artifact)


def as_channel(artifacts: Iterable[Artifact]) -> Channel:
    """Returns a channel of artifacts that exist.

    Raises:
        ValueError: There is no artifact, or something that is none.
    """
    artifacts = list(artifacts)
    if not artifacts or not isinstance(artifacts[0], Artifact):
        raise ValueError(f"as_channel: got {artifacts!r}, expected artifacts, one at least.")
    return Channel(type=type(artifacts[0])).set_artifacts(artifacts)


def unwrap_channel_dict(channel_dict: Mapping[str, Channel]) -> dict[str, list[Artifact]]:
    """Returns the artifacts of each channel."""
    return {key: list(channel.get()) for key, channel in channel_dict.items()}


def get_individual_channels(input_channel: BaseChannel) -> list[Channel]:
    """Takes a union apart.

    Raises:
        NotImplementedError: It is another kind of channel.
    """
    if isinstance(input_channel, UnionChannel):
        return [each for each in input_channel.channels if isinstance(each, Channel)]
    if isinstance(input_channel, Channel):
        return [input_channel]
    raise NotImplementedError(f"{input_channel!r} is no Channel and no union of Channels.")


def union(channels: Iterable[BaseChannel]) -> UnionChannel:
    """Returns the artifacts of several channels of one type."""
    return UnionChannel(channels)


def artifact_query(
    artifact_type: type[Artifact],
    *,
    producer_component_id: str | None = None,
    output_key: str | None = None,
) -> Channel:
    """Returns artifacts that earlier runs of this pipeline made.

    Raises:
        ValueError: `output_key` was given without a node.
    """
    if output_key is not None and producer_component_id is None:
        raise ValueError(
            f"artifact_query: got output_key={output_key!r} alone, expected the node's id with it. "
            "Give `producer_component_id`."
        )
    return Channel(
        artifact_type, producer_component_id=producer_component_id, output_key=output_key
    )


def external_pipeline_artifact_query(
    artifact_type: type[Artifact], **query: Any
) -> ExternalPipelineChannel:
    """Returns artifacts that another pipeline made; see `ExternalPipelineChannel`."""
    return ExternalPipelineChannel(artifact_type, **query)


def _check_properties(name: str, value: Any) -> None:
    if value is not None and not (
        isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    ):
        raise ValueError(f"Channel: `{name}` is {value!r}, expected a dict of values by name.")


def _check_text(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"Channel: `{name}` is {value!r}, expected a text.")
