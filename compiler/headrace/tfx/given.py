"""What a node of a notebook reads: artifacts of earlier cells, in place of their nodes.

While a node is translated alone, stand-ins take the place of the nodes that it reads from. In the
text of its pipeline, each of their artifacts is an importer. In the compiled pipeline, it is an
artifact that the pipeline takes, as it is in lineage: without an importer that would seem to have
made it.
"""

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.frontend.tfx_pipelines.plan import Code, OutputRef, Step
from headrace.frontend.tfx_pipelines.translation import Translated, Translation
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace.targets.local.cache.answers import contents
from headrace.targets.local.shared.results import RuntimeArtifact
from headrace_components.contract.errors import InputError
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.values import ValueArtifact
from headrace_tfx.authoring.channels import OutputChannel
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.pipeline import channels_of
from headrace_tfx.authoring.resolver import Resolver
from headrace_tfx.executing import metadata

# What says where an artifact comes from, and belongs to its record in lineage.
_OF_ORIGIN = frozenset({"name", "pipeline_name", "producer_component"})


class MissingArtifactError(InputError, ValueError):
    """An input of a node has no artifact. It is the ValueError that TFX raises."""


HAVE_RUN: "weakref.WeakSet[BaseNode]" = weakref.WeakSet()
"""The nodes that this process has run in a notebook."""


class StandIn(BaseNode):
    """Takes the place of a node whose artifacts are there.

    Attributes:
        artifacts: The artifacts of the outputs that are read, by the variable of their importer.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.with_id(name)
        self.artifacts: dict[str, tuple[Artifact, ...]] = {}
        self._read: dict[str, OutputChannel] = {}

    @property
    def inputs(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    @property
    def outputs(self) -> dict[str, Any]:
        """The channels that are read."""
        return self._read

    @property
    def exec_properties(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def add(self, key: str, channel: Any) -> None:
        """Adds an output: the channel that is read."""
        self._read[key] = channel

    def translated(self, translation: Translation) -> Translated:
        """Returns an importer for each artifact; a value stands in the text itself."""
        steps = []
        outputs: dict[str, Any] = {}
        for key, channel in self._read.items():
            found = tuple(channel.get())
            if found and isinstance(found[0], ValueArtifact):
                outputs[key] = Code(text=repr(found[0].read()))
                continue
            variable = translation.names.new(f"given_{self.id}_{key}")
            self.artifacts[variable] = found
            steps.append(
                Step(
                    node=self.id,
                    variable=variable,
                    component="dsl.importer",
                    arguments={
                        "artifact_uri": found[0].uri,
                        "artifact_class": Code(text="dsl.Artifact"),
                    },
                    is_helper=True,
                )
            )
            outputs[key] = OutputRef(step=variable, port="artifact")
        return Translated(steps=tuple(steps), outputs=outputs)


class KnownNode(StandIn):
    """Takes the place of a node that has run, so that a Resolver knows its outputs."""

    def __init__(self, node: BaseNode) -> None:
        super().__init__(node.id)
        for key, channel in node.outputs.items():
            self.add(key, channel)

    def translated(self, translation: Translation) -> Translated:  # noqa: ARG002
        """Returns nothing: a search does not read what is known."""
        return Translated(steps=(), outputs={})


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The stand-ins for the nodes that a node reads from."""

    stand_ins: tuple[StandIn, ...] = ()

    def taken_in(self, spec: Spec) -> dict[str, tuple[RuntimeArtifact, ...]]:
        """Makes artifacts that the pipeline takes of the importers of stand-ins.

        Args:
            spec: The compiled pipeline; it is changed.

        Returns:
            The artifacts, by their names in the pipeline.
        """
        found = {name: each for node in self.stand_ins for name, each in node.artifacts.items()}
        tasks = {
            node.task["taskInfo"]["name"]: node
            for node in specs.tasks(spec)
            if "importer" in node.executor and node.task["taskInfo"]["name"] in found
        }
        for name, node in tasks.items():
            _take(spec, node, name)
        return {name: tuple(_as_given(each) for each in found[name]) for name in tasks}


@contextmanager
def given_to(node: BaseNode, known: Iterable[BaseNode] = ()) -> Iterator[Given]:
    """Gives a node stand-ins for the nodes that it reads from, while the block runs.

    Args:
        node: The node.
        known: The nodes that have run in the pipeline.

    Raises:
        MissingArtifactError: An input has no artifact.
    """
    if isinstance(node, Resolver):  # reads nothing: it searches what these have left
        yield Given(stand_ins=tuple(KnownNode(each) for each in known if each is not node))
        return
    stand_ins: dict[str, StandIn] = {}
    before = dict(node.inputs)
    try:
        for key, channel in before.items():
            found = _artifacts(channel)
            if not found:
                _check_may_be_empty(node, key, channel)
                del node.inputs[key]
            elif not channel.producers():
                node.inputs[key] = _output_of(stand_ins, f"{node.id}.{key}", key, channel)
        for channel in channels_of(node):
            for producer in channel.producers():
                if not isinstance(producer, StandIn):
                    _check_has_run(node, channel, producer)
                    stand_in = stand_ins.setdefault(producer.id, StandIn(producer.id))
                    stand_in.add(channel.output_key, channel)  # type: ignore[attr-defined]
        yield Given(stand_ins=tuple(stand_ins.values()))
    finally:
        node.inputs.clear()
        node.inputs.update(before)


def _output_of(
    stand_ins: dict[str, StandIn], producer: str, key: str, channel: Any
) -> OutputChannel:
    """Returns an output with the artifacts of a channel that no node fills."""
    stand_in = stand_ins.setdefault(producer, StandIn(producer))
    output = OutputChannel(channel.type, stand_in, key)
    output.set_artifacts(_artifacts(channel))
    stand_in.add(key, output)
    return output


def _artifacts(channel: Any) -> list[Artifact]:
    return list(channel.get()) if hasattr(channel, "get") else []


def _check_may_be_empty(node: BaseNode, key: str, channel: Any) -> None:
    """Refuses an input without artifacts, if the node needs it or its maker has not run."""
    for producer in channel.producers():
        _check_has_run(node, channel, producer)
    declared = getattr(getattr(node, "SPEC_CLASS", None), "INPUTS", {}).get(key)
    if not (channel.is_optional or getattr(declared, "optional", False)):
        makers = ", ".join(producer.id for producer in channel.producers())
        raise MissingArtifactError(
            f"{node.id}: its input {key!r} has no artifact, expected one of type "
            f"{channel.type_name}. "
            + (f"{makers} found none." if makers else "Connect the output of a node that has run.")
        )


def _check_has_run(node: BaseNode, channel: Any, producer: BaseNode) -> None:
    if producer not in HAVE_RUN and not _artifacts(channel):
        raise MissingArtifactError(
            f"{node.id}: it reads {channel.output_key!r} of {producer.id}, which has not run here. "
            f"Run {producer.id} first, with context.run(...)."
        )


def _as_given(artifact: Artifact) -> RuntimeArtifact:
    values = metadata.written(artifact)
    is_here = "://" not in artifact.uri
    return RuntimeArtifact(
        uri=artifact.uri,
        type=f"tfx.{artifact.type_name}",
        metadata={name: value for name, value in values.items() if name not in _OF_ORIGIN},
        id=artifact.id or None,
        fingerprint=contents(Path(artifact.uri)) if is_here else "",
    )


def _take(spec: Spec, importer: specs.TaskNode, name: str) -> None:
    """Makes an artifact that the pipeline takes of what an importer makes."""
    (output,) = importer.component["outputDefinitions"]["artifacts"].values()
    taken = spec["root"].setdefault("inputDefinitions", {}).setdefault("artifacts", {})
    taken[name] = {"artifactType": output["artifactType"]}
    tasks = spec["root"]["dag"]["tasks"]
    for task in tasks.values():
        for source in task.get("inputs", {}).get("artifacts", {}).values():
            if source.get("taskOutputArtifact", {}).get("producerTask") == importer.name:
                source.clear()
                source["componentInputArtifact"] = name
        _remove(task.get("dependentTasks", []), importer.name)
    del tasks[importer.name]


def _remove(names: list[str], name: str) -> None:
    if name in names:
        names.remove(name)
