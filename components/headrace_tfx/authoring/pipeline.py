"""`Pipeline`: nodes in the order of their dependencies, and the settings of their runs."""

import enum
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace_tfx.authoring.beam_arguments import check_beam_arguments
from headrace_tfx.authoring.channels import (
    BaseChannel,
    PipelineInputChannel,
    PipelineOutputChannel,
)
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.placeholders import ChannelWrappedPlaceholder, Placeholder
from headrace_tfx.authoring.runtime_parameter import RuntimeParameter

MAX_NAME_LENGTH = 63

ROOT_PARAMETER = RuntimeParameter(name="pipeline-root", ptype=str)
"""The pipeline's root, as a value that the run has."""


class ExecutionMode(enum.Enum):
    """Whether a pipeline runs as a whole, or its nodes whenever there is something new."""

    SYNC = 1
    ASYNC = 2


@dataclass
class PipelineInfo:
    """Name and root of a pipeline.

    Attributes:
        pipeline_name: Its name.
        pipeline_root: The directory of its outputs, as a path or URI.
        run_id: The run, if there is one.
    """

    pipeline_name: str
    pipeline_root: Any
    run_id: str | None = None

    @property
    def pipeline_context_name(self) -> str:
        """The name of its context in ML Metadata."""
        return self.pipeline_name

    @property
    def pipeline_run_context_name(self) -> str:
        """The name of its run's context in ML Metadata."""
        return f"{self.pipeline_name}.{self.run_id}"


class PipelineInputs:
    """Channels of an outer pipeline that an inner one reads.

    Attributes:
        raw_inputs: The outer channels by name.
        inputs: The same, as the inner nodes read them.
    """

    def __init__(self, inputs: Mapping[str, BaseChannel] | None = None) -> None:
        self.raw_inputs = dict(inputs or {})
        self.inputs = {
            key: PipelineInputChannel(channel, output_key=key)
            for key, channel in self.raw_inputs.items()
        }
        self._pipeline: Pipeline | None = None

    @property
    def pipeline(self) -> "Pipeline | None":
        """The inner pipeline; None before it is made."""
        return self._pipeline

    @pipeline.setter
    def pipeline(self, pipeline: "Pipeline") -> None:
        self._pipeline = pipeline
        for channel in self.inputs.values():
            channel.pipeline = pipeline

    def __getitem__(self, key: str) -> PipelineInputChannel:
        return self.inputs[key]


class RunOptions:
    """A part of a pipeline to run: what `from_nodes` lead to and `to_nodes` need.

    Attributes:
        from_nodes: Ids of nodes; None for all.
        to_nodes: Ids of nodes; None for all.
        base_pipeline_run_id: The run whose outputs stand for nodes left out; None for the latest.

    Raises:
        ValueError: Neither `from_nodes` nor `to_nodes` names a node.
    """

    def __init__(
        self,
        from_nodes: Collection[str] | None = None,
        to_nodes: Collection[str] | None = None,
        base_pipeline_run_id: str | None = None,
    ) -> None:
        if not from_nodes and not to_nodes:
            raise ValueError(
                f"RunOptions: got from_nodes={from_nodes!r} and to_nodes={to_nodes!r}, expected "
                "ids of nodes in one of them. To run all nodes, leave `run_options` out."
            )
        self.from_nodes = from_nodes
        self.to_nodes = to_nodes
        self.base_pipeline_run_id = base_pipeline_run_id


class Pipeline(BaseNode):
    """A pipeline.

    Attributes:
        components: Its nodes, those that others need first, and by id where the order is free.
        pipeline_name: Its name.
        pipeline_info: Name and root.
        enable_cache: Whether a run may use results of earlier runs.
        metadata_connection_config: Where its lineage is; None for the default.
        beam_pipeline_args: Options of Beam for all components; see `beam_arguments`.
        platform_config: What the platform gives to it.
        execution_mode: SYNC or ASYNC.
        exit_handler: The node that runs last, whatever happened, which a runner sets; or None.
        file: The author's file that makes it; empty if there is none, as for cells of a notebook.

    Raises:
        ValueError: The name is longer than 63 characters, a node is none, or a setting has another
            type.
        RuntimeError: Two nodes have one id, or one has the name of the pipeline.
        InvalidDAGError: Nodes need each other in a circle.
    """

    def __init__(
        self,
        pipeline_name: str,
        pipeline_root: Any = "",
        metadata_connection_config: Any = None,
        components: Iterable[BaseNode] = (),
        enable_cache: bool = False,
        beam_pipeline_args: list[Any] | None = None,
        platform_config: Any = None,
        execution_mode: ExecutionMode = ExecutionMode.SYNC,
        inputs: PipelineInputs | None = None,
        outputs: Mapping[str, BaseChannel] | None = None,
        dsl_context_registry: Any = None,
    ) -> None:
        if len(pipeline_name) > MAX_NAME_LENGTH:
            raise ValueError(
                f"the pipeline's name {pipeline_name!r} has {len(pipeline_name)} characters, "
                f"expected {MAX_NAME_LENGTH} at most. Shorten it."
            )
        where = f"the pipeline {pipeline_name!r}"
        if isinstance(components, BaseNode):
            raise ValueError(
                f"{where}: `components` is the node {components.id!r}, expected a list of nodes. "
                "Write it in brackets."
            )
        if isinstance(beam_pipeline_args, (str, Mapping)):
            raise ValueError(
                f"{where}: `beam_pipeline_args` is {beam_pipeline_args!r}, expected a list of "
                "options, such as ['--runner=DataflowRunner']."
            )
        check_beam_arguments(where, beam_pipeline_args or ())
        if not isinstance(enable_cache, (bool, int)):
            raise ValueError(
                f"{where}: `enable_cache` is {enable_cache!r} of type "
                f"{type(enable_cache).__name__}, expected True or False."
            )
        if not isinstance(execution_mode, ExecutionMode):
            raise ValueError(
                f"{where}: `execution_mode` is {execution_mode!r} of type "
                f"{type(execution_mode).__name__}, expected tfx.dsl.ExecutionMode.SYNC. Leave it "
                "out, which means the same."
            )
        if metadata_connection_config and not hasattr(metadata_connection_config, "sqlite"):
            raise ValueError(
                f"{where}: `metadata_connection_config` is {metadata_connection_config!r}, "
                "expected a ConnectionConfig. Write sqlite_metadata_connection_config(PATH) of "
                "tfx.orchestration.metadata."
            )
        super().__init__()
        self._id = pipeline_name
        self.file = _calling_file()
        self.pipeline_name = pipeline_name
        self.pipeline_info = PipelineInfo(pipeline_name, pipeline_root)
        self.enable_cache = enable_cache
        self.metadata_connection_config = metadata_connection_config
        self.execution_mode = execution_mode
        self.beam_pipeline_args = list(beam_pipeline_args or [])
        self.platform_config = platform_config
        self.dsl_context_registry = dsl_context_registry
        self.exit_handler: BaseNode | None = None
        self._inputs = inputs
        if inputs:
            inputs.pipeline = self
        self._outputs = {
            key: PipelineOutputChannel(channel, pipeline=self, output_key=key)
            for key, channel in (outputs or {}).items()
        }
        self._components: list[BaseNode] = []
        self.components = list(components)

    @property
    def components(self) -> list[BaseNode]:
        """Its nodes, in the order of their dependencies."""
        return self._components

    @components.setter
    def components(self, components: Iterable[BaseNode]) -> None:
        nodes = _without_repetition(components, self.pipeline_name)
        for node in nodes:
            # Blocks around the pipeline are those of the pipeline, as a node of another one.
            node.scopes = tuple(each for each in node.scopes if each not in self.scopes)
        for producer, consumer in _dependencies(nodes, self):
            consumer.add_upstream_node(producer)
        self._components = [node for layer in layers(nodes) for node in layer]

    @property
    def inputs(self) -> dict[str, Any]:
        """The channels of the outer pipeline that it reads."""
        return self._inputs.raw_inputs if self._inputs else {}

    @property
    def outputs(self) -> dict[str, Any]:
        """What nodes of an outer pipeline may read."""
        return self._outputs

    @property
    def exec_properties(self) -> dict[str, Any]:
        """Nothing: a pipeline has no parameters of its own."""
        return {}

    def beam_arguments(self, node: BaseNode) -> list[Any]:
        """Returns the options of Beam for a node: those of the pipeline, then its own."""
        own = getattr(node, "beam_pipeline_args", None)
        return [] if own is None else [*self.beam_pipeline_args, *own]

    def finalize(self) -> None:
        """Does nothing: TFX's runners call it."""


class InvalidDAGError(Exception):
    """Nodes need each other in a circle."""


def layers(nodes: Collection[BaseNode]) -> list[list[BaseNode]]:
    """Sorts nodes: each layer needs only those before it, and is sorted by id.

    Raises:
        InvalidDAGError: Nodes need each other in a circle.
    """
    by_id = {node.id: node for node in nodes}
    left = {
        node: {by_id[each.id] for each in node.upstream_nodes if each.id in by_id} for node in nodes
    }
    done: list[list[BaseNode]] = []
    while left:
        layer = sorted((node for node, needed in left.items() if not needed), key=_id)
        if not layer:
            raise InvalidDAGError(
                f"the nodes {_circle(left)} need each other in a circle, expected one of them to "
                "run first. Remove one of these inputs or calls of add_upstream_node."
            )
        done.append(layer)
        left = {
            node: needed.difference(layer) for node, needed in left.items() if node not in layer
        }
    return done


def channels_of(node: BaseNode) -> Iterator[BaseChannel]:
    """Yields the channels on which a node depends: inputs, placeholders and conditions."""
    yield from node.inputs.values()
    for value in (*node.exec_properties.values(), *node.conditions):
        yield from channels_in(value)
    for scope in node.scopes:
        looped = getattr(scope, "looped", None)
        if looped is not None:
            yield looped


def channels_in(value: Any) -> Iterator[BaseChannel]:
    """Yields the channels of the placeholders in a value."""
    if isinstance(value, Placeholder):
        for part in value.traverse():
            if isinstance(part, ChannelWrappedPlaceholder):
                yield part.channel


def _calling_file() -> str:
    """Returns the file of the innermost caller outside of this package."""
    package = str(Path(__file__).parents[1])
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
    file = frame.f_code.co_filename
    return file if Path(file).is_file() else ""


def _without_repetition(components: Iterable[BaseNode], pipeline: str) -> list[BaseNode]:
    nodes: dict[BaseNode, None] = {}
    for node in components:
        if not isinstance(node, BaseNode):
            raise ValueError(
                f"the pipeline {pipeline!r} has {node!r} among its components, expected nodes, "
                "such as CsvExampleGen(...)."
            )
        nodes[node] = None
    return list(nodes)


def _dependencies(nodes: list[BaseNode], pipeline: Pipeline) -> Iterator[tuple[BaseNode, BaseNode]]:
    by_id: dict[str, BaseNode] = {}
    for node in nodes:
        if node.id in by_id:
            raise RuntimeError(
                f"the pipeline {pipeline.pipeline_name!r} has two nodes with the id {node.id!r} "
                f"({type(by_id[node.id]).__name__} and {type(node).__name__}), expected an own id "
                "for each. Name one with .with_id(...)."
            )
        if node.id == pipeline.pipeline_name:
            raise RuntimeError(
                f"the node {node.id!r} has the name of its pipeline, expected another. Name it "
                "with .with_id(...)."
            )
        by_id[node.id] = node
    for node in nodes:
        for channel in channels_of(node):
            for producer in channel.producers():
                if producer is pipeline:
                    continue
                # By id, as TFX does: a file may build its nodes twice and list those of one time.
                if producer.id in by_id:
                    yield by_id[producer.id], node
                else:
                    warnings.warn(
                        f"the node {node.id!r} reads {channel!r}, but {producer.id!r} is not among "
                        f"the components of the pipeline {pipeline.pipeline_name!r}. Add it there.",
                        UserWarning,
                        stacklevel=4,
                    )


def _circle(left: Mapping[BaseNode, set[BaseNode]]) -> str:
    path = [min(left, key=_id)]
    while True:
        needed = min(left[path[-1]], key=_id)
        if needed in path:
            circle = [*path[path.index(needed) :], needed]
            return " <- ".join(repr(node.id) for node in circle)
        path.append(needed)


def _id(node: BaseNode) -> str:
    return node.id
