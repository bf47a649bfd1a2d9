"""The steps of TFX's Resolver: components that search what earlier runs left.

The strategies and their meanings are those of `tfx/dsl/input_resolution/strategies`. TFX asks its
database for the artifacts of all runs of a pipeline of this name; our components look in the
pipeline's directory, so that they also work where there is no database.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.frontend.tfx_pipelines.nesting import sources
from headrace.frontend.tfx_pipelines.plan import OutputRef, Step, Value
from headrace.frontend.tfx_pipelines.translation import Translated, Translation
from headrace_tfx.authoring.channels import Channel, ExternalPipelineChannel, OutputChannel
from headrace_tfx.authoring.importer import Importer
from headrace_tfx.authoring.pipeline import Pipeline
from headrace_tfx.authoring.resolver import (
    LatestArtifactStrategy,
    LatestBlessedModelStrategy,
    Resolver,
    SpanRangeStrategy,
)

_MODEL = "Model"
_BLESSING = "ModelBlessing"
_EXAMPLES = "Examples"

_Channels = Mapping[str, Any]


def resolver(node: Any, translation: Translation) -> Translated:
    """Returns the steps of a Resolver.

    Raises:
        CompileError: Its strategy or one of its channels has no counterpart.
    """
    channels = {key: _single(key, channel, translation) for key, channel in node.inputs.items()}
    if all(isinstance(channel, OutputChannel) for channel in channels.values()):
        passed = _passed_on(node, channels, translation)
        if passed is not None:
            return passed
    strategy = node.strategy_class
    if strategy is LatestArtifactStrategy:
        return _latest_artifacts(node, channels, translation)
    if strategy is LatestBlessedModelStrategy:
        return _latest_blessed_model(node, channels, translation)
    if strategy is SpanRangeStrategy:
        return _span_ranges(node, channels, translation)
    if strategy is None:
        raise translation.error(
            "it has no `strategy_class`, so it finds every artifact of its channels, but a port of "
            "Kubeflow Pipelines carries one. Give it LatestArtifactStrategy or SpanRangeStrategy."
        )
    raise translation.error(
        f"its strategy is {strategy.__name__}, which asks the database of TFX while the pipeline "
        "runs, and Headrace's tasks have none. Use LatestArtifactStrategy, "
        "LatestBlessedModelStrategy or SpanRangeStrategy."
    )


def add_dependencies(pipeline: Any) -> None:
    """Lets resolvers of spans wait for the node whose examples they join.

    TFX's authors write `resolver.add_upstream_node(example_gen)`, without which the resolver may
    run first and miss the newest span.
    """
    for node in list(pipeline.components):
        if isinstance(node, Resolver) and node.strategy_class is SpanRangeStrategy:
            for channel in node.inputs.values():
                for producer, _ in _spans_makers(channel, pipeline.components):
                    node.add_upstream_node(producer)
        elif isinstance(node, Pipeline):
            add_dependencies(node)
    pipeline.components = pipeline.components


def _single(key: str, channel: Any, translation: Translation) -> Any:
    """Returns the channel of a node, or of earlier runs, that a channel stands for."""
    if isinstance(channel, ExternalPipelineChannel):
        raise translation.error(
            f"`{key}` asks for artifacts of the pipeline {channel.pipeline_name!r}, but a Resolver "
            "finds those of its own pipeline. Convert the pipeline with `headrace convert`, and "
            "write latest_artifact(..., search_root=...) with the other one's directory."
        )
    found = list(sources(channel))
    if len(found) != 1 or not isinstance(found[0], Channel):
        raise translation.error(
            f"`{key}` is {channel!r}, several artifacts, but a port of Kubeflow Pipelines carries "
            "one. Give it one Channel, and a Resolver for each of the others."
        )
    return found[0]


def _passed_on(node: Any, channels: _Channels, translation: Translation) -> Translated | None:
    """Returns the outputs of this run themselves, if a strategy can choose nothing but them."""
    if node.strategy_class not in (None, LatestArtifactStrategy) or _count(node) not in (None, 1):
        return None
    outputs = {key: translation.output(channel) for key, channel in channels.items()}
    return Translated(steps=(), outputs=outputs)


def _count(node: Any) -> Any:
    return node.config.get("desired_num_of_artifacts", 1)


def _latest_artifacts(node: Any, channels: _Channels, translation: Translation) -> Translated:
    if _count(node) != 1:
        raise translation.error(
            f"`desired_num_of_artifacts` is {_count(node)!r}, but a port of Kubeflow Pipelines "
            "carries one artifact. Leave it out, or join examples of several runs with "
            "SpanRangeStrategy."
        )
    names = {key: _outputs_of(key, channel, translation) for key, channel in channels.items()}
    after = translation.after(node)
    steps = []
    outputs = {}
    for number, (key, (first, *others)) in enumerate(names.items(), start=1):
        producer, _, output = first.partition("/")
        arguments: dict[str, Value] = {"producer": producer, "output": output}
        if others:
            arguments["alternatives"] = others
        together = [found for other, found in names.items() if other != key]
        if together:
            arguments["together_with"] = together
        if after:
            arguments["include_this_run"] = True
        arguments["output_key"] = key
        is_last = number == len(names)
        step = Step(
            node=node.id,
            variable=translation.names.new(node.id if is_last else f"{node.id}_{key}"),
            component=translation.catalogue("latest_artifact"),
            arguments=arguments,
            after=after,
            is_helper=not is_last,
        )
        steps.append(step)
        outputs[key] = step.output("artifact")
    return Translated(steps=tuple(steps), outputs=outputs)


def _latest_blessed_model(node: Any, channels: _Channels, translation: Translation) -> Translated:
    keys = {channel.type_name: key for key, channel in channels.items()}
    if set(keys) != {_MODEL, _BLESSING} or len(channels) != 2:
        raise translation.error(
            f"its channels are of the types {[each.type_name for each in channels.values()]}, "
            "expected one of Model and one of ModelBlessing. Give it both."
        )
    given = {kind: channels[key] for kind, key in keys.items()}
    if isinstance(given[_MODEL], OutputChannel) or isinstance(given[_BLESSING], OutputChannel):
        raise translation.error(
            "its channels are outputs of this run, expected those of all runs: "
            "Channel(type=standard_artifacts.Model) and "
            "Channel(type=standard_artifacts.ModelBlessing)."
        )
    arguments: dict[str, Value] = {
        name: _named(given[kind])
        for name, kind in (("blessings", _BLESSING), ("models", _MODEL))
        if given[kind].producer_component_id
    }
    step = Step(
        node=node.id,
        variable=translation.variable(),
        component=translation.catalogue("latest_blessed_model"),
        arguments=arguments,
        after=translation.after(node),
    )
    outputs = {
        keys[_MODEL]: step.output("model"),
        keys[_BLESSING]: step.output("model_blessing"),
    }
    return Translated(steps=(step,), outputs=outputs)


def _named(channel: Any) -> list[str]:
    """Returns the outputs that a channel with a producer names, as our components take them."""
    producer, key = channel.producer_component_id, channel.output_key
    return [f"{producer}/{key}" if key else str(producer)]


def _span_ranges(node: Any, channels: _Channels, translation: Translation) -> Translated:
    range_config = translation.value(node.config.get("range_config"), "range_config", dict)
    steps = []
    outputs = {}
    for number, (key, channel) in enumerate(channels.items(), start=1):
        is_last = number == len(channels)
        step = Step(
            node=node.id,
            variable=translation.names.new(node.id if is_last else f"{node.id}_{key}"),
            component=translation.catalogue("span_range"),
            arguments={
                "examples": _examples(key, channel, translation),
                "range_config": range_config,
                "output_key": key,
            },
            after=translation.after(node),
            is_helper=not is_last,
        )
        steps.append(step)
        outputs[key] = step.output("span_examples")
    return Translated(steps=tuple(steps), outputs=outputs)


def _examples(key: str, channel: Any, translation: Translation) -> OutputRef:
    """Returns this run's examples, which a range of spans also has."""
    if channel.type_name != _EXAMPLES:
        raise translation.error(
            f"`{key}` has artifacts of type {channel.type_name}, expected Examples: Headrace joins "
            "spans of these alone. Compute the others from the joined examples."
        )
    found = _spans_makers(channel, translation.listed.values())
    if len(found) != 1:
        names = [f"{producer.id}/{output}" for producer, output in found]
        raise translation.error(
            f"`{key}` may be one of {names}, expected the examples of one node of this pipeline. "
            "Say which, with producer_component_id=example_gen.id and output_key='examples'."
        )
    producer, output = found[0]
    return translation.output(producer.outputs[output])


def _spans_makers(channel: Any, nodes: Any) -> list[tuple[Any, str]]:
    return [
        (node, key)
        for node, key in _makers(channel, nodes)
        if not isinstance(node, (Importer, Resolver))
    ]


def _outputs_of(key: str, channel: Any, translation: Translation) -> list[str]:
    """Returns the outputs of tasks in which earlier runs left artifacts of a channel.

    Raises:
        CompileError: No node of the pipeline makes any.
    """
    if channel.producer_component_id and channel.output_key:
        made = [(channel.producer_component_id, channel.output_key)]
    else:
        made = [(node.id, name) for node, name in _makers(channel, translation.listed.values())]
    kept = [(node, name) for node, name in made if not _hands_on(node, translation)]
    if not kept:
        raise translation.error(
            f"`{key}` asks for artifacts of type {channel.type_name}, but no node of this pipeline "
            f"makes any{f', {sorted(dict(made))} only hand them on' if made else ''}. Name a node "
            "and its output with producer_component_id and output_key, or bring the artifact in "
            "with an Importer."
        )
    for node, name in kept:
        if "/" in node:
            raise translation.error(
                f"`{key}` asks for artifacts of the node {node!r}, expected an id without `/`: the "
                "directories of its runs cannot be searched by that. Rename it with .with_id(...)."
            )
        if node not in translation.listed:
            translation.note(
                f"`{key}` asks for {name!r} of {node!r}, a node that the pipeline no longer has: "
                "only earlier runs may have left it."
            )
    return [f"{node}/{name}" for node, name in kept]


def _hands_on(node: str, translation: Translation) -> bool:
    return isinstance(translation.listed.get(node), (Importer, Resolver))


def _makers(channel: Any, nodes: Any) -> Iterator[tuple[Any, str]]:
    """Yields the nodes of this pipeline that make artifacts of a channel, with the output."""
    if not isinstance(channel, Channel):
        return
    for node in nodes:
        if channel.producer_component_id not in (None, node.id):
            continue
        outputs: Mapping[str, Any] = node.outputs
        for key, output in outputs.items():
            is_asked = channel.output_key in (None, key)
            if is_asked and output.type_name == channel.type_name:
                yield node, key
