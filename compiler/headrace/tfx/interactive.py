"""Runs one node of a TFX pipeline, for the `InteractiveContext` of a notebook.

The node becomes a pipeline of its own, translated as in a whole pipeline. What it reads was made in
earlier cells; see `given`.
"""

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.compilation.compiler import compile_for
from headrace.display.notebook import NotebookProgress, in_notebook
from headrace.frontend import loading
from headrace.frontend.tfx_pipelines.plan import OutputRef, Step, steps_of
from headrace.frontend.tfx_pipelines.planning import plan_of
from headrace.frontend.tfx_pipelines.reading import TfxPipeline
from headrace.frontend.tfx_pipelines.render import render
from headrace.frontend.tfx_pipelines.table import translator_of
from headrace.frontend.tfx_pipelines.translation import Translated, Translation
from headrace.ir import specs
from headrace.ir.task_names import TaskNames
from headrace.ir.view import Pipeline as PipelineView
from headrace.profiles.profile import read_profile
from headrace.targets.local import engine
from headrace.targets.local.shared.observer import Observer, Silence
from headrace.targets.local.shared.options import Options
from headrace.targets.local.shared.results import RunResult, RuntimeArtifact, TaskOutcome
from headrace.targets.local.target import TARGET
from headrace.tfx.failures import raise_failure
from headrace.tfx.given import HAVE_RUN, Given, StandIn, given_to
from headrace_tfx.artifacts.base import Artifact
from headrace_tfx.artifacts.values import ValueArtifact
from headrace_tfx.authoring.channels import OutputChannel
from headrace_tfx.authoring.importer import Importer
from headrace_tfx.authoring.nodes import BaseNode
from headrace_tfx.authoring.pipeline import Pipeline
from headrace_tfx.authoring.resolver import LatestArtifactStrategy, Resolver
from headrace_tfx.executing import metadata

_RAN: "weakref.WeakKeyDictionary[Any, dict[str, BaseNode]]" = weakref.WeakKeyDictionary()
"""The nodes that have run, by context and id."""

# Hidden, because it is not a task.
_VALUES = ".values"
_VALUE_FILE = "value"
# What a search sets in the metadata of its output: 0 if there is nothing.
_FOUND = "found"


def run_node(
    node: BaseNode, *, context: Any, enable_cache: bool, beam_pipeline_args: Sequence[str]
) -> int:
    """Runs one node, gives its outputs their artifacts, and returns its execution's number.

    Args:
        node: The node.
        context: The `InteractiveContext`.
        enable_cache: Whether an earlier run of the node may answer.
        beam_pipeline_args: Options of Beam for it.

    Raises:
        MissingArtifactError: An input has no artifact.
        InputError: The node has a mistake, or failed for a reason that its author can mend.
        PlatformError: It failed, and a retry may help.
        ComponentError: It ended without a reason.
        KeyboardInterrupt: It was interrupted.
    """
    pipeline = Pipeline(
        pipeline_name=context.pipeline_name,
        pipeline_root=context.pipeline_root,
        metadata_connection_config=context.metadata_connection_config,
        enable_cache=enable_cache,
        beam_pipeline_args=list(beam_pipeline_args),
    )
    if _hands_on(node):
        return 0
    ran = _RAN.setdefault(context, {})
    known = [each for each in ran.values() if not isinstance(each, Importer | Resolver)]
    with given_to(node, known) as given:
        ready = _translated(node, pipeline, given)
    result = engine.start(
        ready.spec,
        artifacts=ready.artifacts,
        options=Options(
            root=Path(ready.read.local_root),
            use_cache=enable_cache,
            metadata=ready.read.metadata_url,
            keep_worker=True,
        ),
        observer=_observer(ready),
    )
    raise_failure(result)
    ran[node.id] = node
    return _filled(node, ready, result, context.pipeline_name)


def _hands_on(node: BaseNode) -> bool:
    """Gives a Resolver the newest of what its nodes have made; False if it has to search."""
    if not isinstance(node, Resolver) or node.strategy_class not in (None, LatestArtifactStrategy):
        return False
    wanted = node.config.get("desired_num_of_artifacts", 1) if node.strategy_class else 0
    found = {
        key: list(channel.get())[-wanted:] if isinstance(channel, OutputChannel) else []
        for key, channel in node.inputs.items()
    }
    if not all(len(artifacts) >= max(wanted, 1) for artifacts in found.values()):
        return False
    for key, artifacts in found.items():
        node.outputs[key].set_artifacts(artifacts)
    HAVE_RUN.add(node)
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ready:
    """A node that is ready to run.

    Attributes:
        read: Its pipeline.
        notices: Lines for the author.
        spec: The compiled pipeline.
        artifacts: What it takes.
        task: The name that its last task has in results.
        outputs: Where its outputs are: the task's name in results, and the port.
    """

    read: TfxPipeline
    notices: Sequence[str]
    spec: dict[str, Any]
    artifacts: Mapping[str, tuple[RuntimeArtifact, ...]]
    task: str
    outputs: Mapping[str, tuple[str, str]]


def _translated(node: BaseNode, pipeline: Pipeline, given: Given) -> _Ready:
    made: dict[str, Translated] = {}

    def translators(each: Any, translation: Translation) -> Any:
        if isinstance(each, StandIn):
            return lambda stand_in, shared: stand_in.translated(shared)
        own = translator_of(each, translation)

        def noted(own_node: Any, shared: Translation) -> Translated:
            made["node"] = own(own_node, shared)
            return made["node"]

        return noted

    # As in TFX, relative paths start in the current directory, which is that of the notebook.
    directory = Path.cwd()
    pipeline._components = [*given.stand_ins, node]
    plan, notes = plan_of(pipeline, translators, file="", source=directory, directory=directory)
    read = TfxPipeline(pipeline=pipeline, plan=plan, rendered=render(plan), notes=notes)
    source = loading.translated(read, "", directory)
    compiled = compile_for(source, TARGET.name, read_profile(None))
    artifacts = given.taken_in(compiled.document)
    names = _names_in_results(compiled.document)
    last, outputs = _outputs_of(node, made["node"])
    return _Ready(
        read=read,
        notices=notes,
        spec=compiled.document,
        artifacts=artifacts,
        task=names[last],
        outputs={key: (names[shown], port) for key, (shown, port) in outputs.items()},
    )


def _names_in_results(spec: specs.Spec) -> dict[str, str]:
    """Returns the names of tasks in results by the names that they show."""
    names = TaskNames.of(PipelineView(body=spec))
    return {node.task["taskInfo"]["name"]: names.node(node.path) for node in specs.tasks(spec)}


def _outputs_of(node: BaseNode, made: Translated) -> tuple[str, dict[str, tuple[str, str]]]:
    """Returns what the last step shows as its name, and the same with the port by output."""
    steps = list(steps_of(made.steps))
    shown = {step.variable: _shown(step) for step in steps}
    last = steps[-1].variable
    places = {
        key: (made.outputs or {}).get(key) or OutputRef(step=last, port=key) for key in node.outputs
    }
    return shown[last], {key: (shown[each.step], each.port) for key, each in places.items()}


def _shown(step: Step) -> str:
    return step.variable if step.is_helper else step.node


def _observer(ready: _Ready) -> Observer:
    observer: Observer = Silence()
    if in_notebook():
        observer = NotebookProgress(has_title=False, says_why=False)
    for line in ready.notices:
        observer.log(line)
    return observer


def _filled(node: BaseNode, ready: _Ready, result: RunResult, pipeline: str) -> int:
    """Gives the outputs of a node their artifacts, and returns its execution's number."""
    outcomes = {outcome.name: outcome for outcome in result.tasks}
    for key, channel in node.outputs.items():
        task, port = ready.outputs[key]
        # A node below a condition that does not hold is skipped, and has no outcome.
        outcome = outcomes.get(task)
        found = (
            [] if outcome is None else _made(node, key, channel, outcome, port, result, pipeline)
        )
        channel.set_artifacts(found)
    HAVE_RUN.add(node)
    last = outcomes.get(ready.task)
    return (last.execution if last else None) or 0


def _made(
    node: BaseNode,
    key: str,
    channel: Any,
    outcome: TaskOutcome,
    port: str,
    result: RunResult,
    pipeline: str,
) -> list[Artifact]:
    if issubclass(channel.type, ValueArtifact) and port in outcome.parameters:
        return [_value(node, key, channel.type(), outcome.parameters[port], result)]
    found = []
    for each in outcome.artifacts.get(port, ()):
        if each.metadata.get(_FOUND, 1) == 0:
            continue
        artifact = channel.type()
        artifact.uri, artifact.id = each.uri, each.id or 0
        metadata.read(artifact, {k: v for k, v in each.metadata.items() if k != _FOUND})
        artifact.name, artifact.producer_component = key, node.id
        artifact.pipeline_name = pipeline
        found.append(artifact)
    return found


def _value(node: BaseNode, key: str, artifact: Any, value: Any, result: RunResult) -> Artifact:
    """Returns a value that a task returned, with its file as in TFX."""
    directory = result.directory / _VALUES / node.id / key
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / _VALUE_FILE
    content = artifact.encode(value)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    artifact.uri = str(file)
    # As if it had been read. Setting `value` would write the file with TensorFlow.
    artifact._value, artifact._has_value = value, True
    made: Artifact = artifact
    return made
