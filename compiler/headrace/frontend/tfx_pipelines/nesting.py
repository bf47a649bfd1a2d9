"""Pipelines within TFX pipelines: their nodes become nodes of the outer one.

A node of an inner pipeline waits for what its inputs need, and for nodes that were added before the
inner pipeline itself.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from headrace_tfx.authoring.channels import (
    BaseChannel,
    LoopChannel,
    PipelineInputChannel,
    PipelineOutputChannel,
    UnionChannel,
)
from headrace_tfx.authoring.pipeline import Pipeline, channels_of


class Nesting:
    """The nodes of a pipeline and of those in it.

    Attributes:
        nodes: Nodes that are no pipelines, each after those that it needs.
    """

    def __init__(self, pipeline: Any) -> None:
        self._around: dict[Any, tuple[Any, ...]] = {}
        self.nodes: tuple[Any, ...] = tuple(self._within(pipeline, ()))

    def _within(self, pipeline: Any, around: tuple[Any, ...]) -> Iterator[Any]:
        for node in pipeline.components:
            self._around[node] = around
            if isinstance(node, Pipeline):
                yield from self._within(node, (*around, node))
            else:
                yield node

    def around(self, node: Any) -> tuple[Any, ...]:
        """Returns the inner pipelines that a node is in, outer first."""
        return self._around.get(node, ())

    def twice(self) -> str:
        """Returns an id that two nodes have; empty if there is none."""
        ids = [node.id for node in self.nodes]
        return next((each for each in ids if ids.count(each) > 1), "")

    def producers(self, node: Any) -> list[Any]:
        """Returns the nodes whose outputs a node, or one of its conditions, reads."""
        return [
            producer
            for channel in channels_of(node)
            for source in sources(channel)
            for producer in source.producers()
        ]

    def waited_for(self, node: Any) -> list[Any]:
        """Returns the nodes that a node waits for without reading from them, in their order."""
        read = {each.id for each in self.producers(node)}
        before = {each.id for each in self._plain(node.upstream_nodes)}
        for pipeline in self.around(node):
            given = {each.id for each in self.producers(pipeline)}
            before |= {each.id for each in self._plain(pipeline.upstream_nodes)} - given
        # By id, as TFX does: a file may build its nodes twice and list those of one time.
        return [each for each in self.nodes if each.id in before - read]

    def not_listed(self, node: Any) -> str:
        """Returns the id of a node that is to run before another and is in no pipeline, or ''."""
        listed = {each.id for each in self._around}
        return min((each.id for each in node.upstream_nodes if each.id not in listed), default="")

    def _plain(self, nodes: Sequence[Any] | set[Any]) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, Pipeline):
                yield from self._inside(node)
            else:
                yield node

    def _inside(self, pipeline: Any) -> Iterator[Any]:
        return (each for each in self.nodes if pipeline in self.around(each))


def sources(channel: BaseChannel) -> Iterator[BaseChannel]:
    """Yields the channels that a channel stands for, of nodes that are no pipelines."""
    if isinstance(channel, (PipelineInputChannel, PipelineOutputChannel)):
        yield from sources(channel.wrapped)
    elif isinstance(channel, LoopChannel):
        yield from sources(channel.looped)
    elif isinstance(channel, UnionChannel):
        for each in channel.channels:
            yield from sources(each)
    else:
        yield channel
