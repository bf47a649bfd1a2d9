"""From a TFX pipeline object to a plan: the steps of all nodes, and the blocks around them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace.frontend.tfx_pipelines.composition import Arrangement, Conditions
from headrace.frontend.tfx_pipelines.ignored_settings import note_settings_without_effect
from headrace.frontend.tfx_pipelines.naming import identifier, kfp_name
from headrace.frontend.tfx_pipelines.plan import Code, Group, OutputRef, Plan, Step
from headrace.frontend.tfx_pipelines.run_defaults import remote_root, root_of
from headrace.frontend.tfx_pipelines.translation import Translated, Translation, Translator
from headrace_tfx.authoring.pipeline import ExecutionMode


def plan_of(
    pipeline: Any,
    translator_of: Callable[[Any, Translation], Translator],
    *,
    file: str,
    source: Path,
    directory: Path,
) -> tuple[Plan, tuple[str, ...]]:
    """Translates a pipeline.

    Args:
        pipeline: A TFX pipeline.
        translator_of: Returns the translator of a node.
        file: Name of the author's file, for messages.
        source: The directory of the author's file.
        directory: Where the text is to be.

    Returns:
        The plan, and lines for the author.

    Raises:
        CompileError: A node cannot be translated; the message names the file and the node.
    """
    translation = Translation(pipeline, file=file, source=source, directory=directory)
    function = identifier(pipeline.pipeline_name)
    _check(translation)
    note_settings_without_effect(translation)
    conditions = Conditions(translation.nesting)
    arrangement = Arrangement(conditions, translation.run_values)
    for node in translation.nesting.nodes:
        translation.node = node.id
        try:
            place = arrangement.block(node)
        except ValueError as error:
            raise translation.error(str(error)) from error
        translated = translator_of(node, translation)(node, translation)
        blessing = conditions.blessing(node)
        if blessing is not None:
            translated = _blessed(translated, translation.output(blessing))
        place.parts += (
            *translation.run_values.taken(is_shared=place is arrangement.top),
            *translated.steps,
        )
        translation.done(node, translated)
    body = _with_exit(arrangement.body(), translation, translator_of)
    plan = Plan(
        name=kfp_name(pipeline.pipeline_name),
        display_name=pipeline.pipeline_name,
        function=function,
        source=file,
        root=remote_root(pipeline),
        parameters=translation.parameters.listed(),
        imports=frozenset(translation.imports),
        definitions=tuple(translation.definitions),
        body=body,
        use_cache=bool(pipeline.enable_cache),
    )
    return plan, tuple(translation.notes)


def _check(translation: Translation) -> None:
    if translation.pipeline.execution_mode is not ExecutionMode.SYNC:
        raise translation.error(
            "the pipeline's `execution_mode` is ASYNC: its nodes run whenever there is something "
            "new, which no released version of TFX does either. Leave it out, and give the "
            "pipeline a schedule."
        )
    if not translation.pipeline.components:
        raise translation.error(
            f"the pipeline {translation.pipeline.pipeline_name!r} has no nodes, expected one at "
            "least. List them in its `components`."
        )
    if isinstance(translation.value(root_of(translation.pipeline), "pipeline_root"), Code):
        raise translation.error(
            "`pipeline_root` has a RuntimeParameter in it, expected a path or URI that is known "
            "when the pipeline is compiled. Write it out."
        )
    if twice := translation.nesting.twice():
        raise translation.error(
            f"two nodes have the id {twice!r}, one of them in a pipeline within the pipeline, "
            "expected an own id for each. Name one with .with_id(...)."
        )


def _with_exit(
    body: tuple[Step | Group, ...],
    translation: Translation,
    translator_of: Callable[[Any, Translation], Translator],
) -> tuple[Step | Group, ...]:
    """Returns the steps with the pipeline's exit handler around them, if it has one."""
    node = translation.pipeline.exit_handler
    if node is None:
        return body
    translation.node = node.id
    if node.inputs:
        raise translation.error(
            f"it is the exit handler and reads {sorted(node.inputs)}, expected no inputs: it also "
            "runs if nothing was made. Leave them out."
        )
    translated = translator_of(node, translation)(node, translation)
    (step,) = translated.steps
    if not isinstance(step, Step) or translation.run_values.pending or not body:
        raise translation.error(
            "it is the exit handler, expected a component made by a function with @exit_handler."
        )
    header = Code(text=f"dsl.ExitHandler({step.variable})", steps=(step.variable,))
    return (step, Group(node=node.id, header=header, body=body))


def _blessed(translated: Translated, blessing: OutputRef) -> Translated:
    """Returns the work of a Pusher that asks for the blessing itself."""
    (*others, own) = translated.steps
    if not isinstance(own, Step):
        raise TypeError(own)
    steps = (*others, own.with_argument("model_blessing", blessing))
    return Translated(steps=steps, outputs=translated.outputs)
