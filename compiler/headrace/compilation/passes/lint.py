"""Refuses what kfp compiles wrongly on every target; `target_limits` has the limits of targets.

Each rule was found by compiling with kfp 2.13, 2.16 and 2.17, and names its upstream issue, if
there is one.
"""

import re
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes import target_limits
from headrace.compilation.passes.templates import fills_in
from headrace.contract.target import Rule, Target
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec

# kfp's form of a value in a text while its source is not known.
_CHANNEL = re.compile(r"\{\{channel:task=[^;]*;name=([^;]*);")
_ARTIFACT_CHANNEL = re.compile(
    r"\{\{channel:task=([^;]+);name=([^;]*);type=[A-Za-z]\w*\.\w+@[^;]*;\}\}"
)


def lint(spec: Mapping[str, Any], target: Target, platform: Mapping[str, Any]) -> Spec:
    """Returns a copy of `spec` when the target runs it as its author meant it.

    Args:
        spec: A pipeline as kfp compiles it.
        target: Where it is to run.
        platform: Its `PlatformSpec`; empty unless kfp-kubernetes was used.

    Raises:
        CompileError: The first construct that is compiled wrongly, or that the target cannot run,
            with what to write instead.
    """
    pipeline = specs.pipeline_name(spec)
    for node in specs.tasks(spec):
        finding = _artifact_in_a_value(node, spec)
        if finding:
            raise CompileError(f"{pipeline}: task `{node.label}`: {finding}")
        for rule in _RULES:
            finding = rule(node)
            if finding:
                raise CompileError(f"{pipeline}: task `{node.label}`: {finding}")
    target_limits.check(spec, target, platform)
    result: Spec = specs.copy(spec)
    return result


def check_workspace(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> None:
    """Refuses tasks that need a workspace if there is none, as kfp's Compiler does when it writes.

    Raises:
        CompileError: A task uses the workspace, but `platform` has none.
    """
    kubernetes = platform.get("platforms", {}).get("kubernetes", {})
    if kubernetes.get("pipelineConfig", {}).get("workspace", {}).get("size"):
        return
    for node in specs.tasks(spec):
        is_importer = node.executor.get("importer", {}).get("downloadToWorkspace", False)
        if is_importer or specs.WORKSPACE_PATH in specs.canonical_json([node.task, node.executor]):
            what = "download_to_workspace" if is_importer else "dsl.WORKSPACE_PATH_PLACEHOLDER"
            raise CompileError(
                f"{specs.pipeline_name(spec)}: task `{node.label}`: uses {what}, but the pipeline "
                "has no workspace. Write `@dsl.pipeline(pipeline_config=dsl.PipelineConfig("
                'workspace=dsl.WorkspaceConfig(size="10Gi")))`.'
            )


def _artifact_in_a_value(node: specs.TaskNode, spec: Mapping[str, Any]) -> str | None:
    """Finds an artifact in an f-string, a list or a dict, which kfp writes like a parameter.

    In a list or a dict it becomes an input that takes a parameter from an output that is not one.
    In an f-string it stays in the text, with the type of an artifact.
    """
    sources = specs.parameter_inputs(node.task)
    for name, source in sources.items():
        text = specs.canonical_json(specs.constant(source))
        for task, artifact in _ARTIFACT_CHANNEL.findall(text):
            return _put_into_a_value(node, spec, task, artifact, name)
        output = source.get("taskOutputParameter", {})
        if output.get("outputParameterKey") in _made(node, spec, output.get("producerTask")):
            users = [
                port
                for port, other in sources.items()
                if name in specs.referenced_parameters(specs.canonical_json(specs.constant(other)))
            ]
            task, artifact = output["producerTask"], output["outputParameterKey"]
            return _put_into_a_value(node, spec, task, artifact, users[0] if users else name)
    return None


def _made(node: specs.TaskNode, spec: Mapping[str, Any], task: str | None) -> Mapping[str, Any]:
    """Returns the output artifacts of a task beside `node`, by name."""
    producer = node.enclosing["dag"]["tasks"].get(task)
    if producer is None:
        return {}
    component = specs.component_of_task(spec, producer)
    found: Mapping[str, Any] = specs.output_artifacts(component)
    return found


def _put_into_a_value(
    node: specs.TaskNode, spec: Mapping[str, Any], task: str, artifact: str, port: str
) -> str:
    output = f"{task.replace('-', '_')}.outputs[{artifact!r}]"
    kind = _made(node, spec, task).get(artifact, {}).get("artifactType")
    fits = [
        name
        for name, definition in specs.artifacts(node.component).items()
        if definition.get("artifactType") == kind
    ]
    if fits:
        advice = f"Connect it to an input of the component: `{fits[0]}={output}`."
    elif node.headrace_name is None:
        advice = (
            f"Give the component an input for it, `{artifact}: dsl.Input[dsl.Artifact]`, and "
            f"write `{artifact}={output}`."
        )
    else:
        advice = (
            "The component has no input for it: have a task take "
            f"`data={output}` and return the value that `{port}` needs."
        )
    return (
        f"the artifact `{artifact}` of task `{task}` is put into a list, a dict or an f-string in "
        f"`{port}`, which only parameters can be. {advice}"
    )


def _dangling_parameter(node: specs.TaskNode) -> str | None:
    declared = specs.parameters(node.enclosing)
    container = node.container
    iterated = node.task.get("parameterIterator", {}).get("items", {}).get("inputParameter")
    for port, source in specs.parameter_inputs(node.task).items():
        name = source.get("componentInputParameter")
        if name is None or name in declared:
            continue
        shown = name.removeprefix("pipelinechannel--")
        if "loop-item-param" in name and "-subvar-" not in f"{name}{port}":
            return (
                "loops over the item of a loop over a written list, inside If or ExitHandler, "
                "which kfp compiles to an input that does not exist. Put the inner loop into a "
                "@dsl.pipeline of its own, which takes the item as a parameter."
            )
        if "loop-item-param" in name:  # kubeflow/pipelines#9386
            return (
                "loops over a list of dicts inside If or ExitHandler, which kfp compiles to an "
                "input that does not exist. Pass the list as a parameter of the pipeline, or loop "
                "over strings or numbers."
            )
        if name.endswith("-loop-item"):  # kubeflow/pipelines#12390
            return (
                f"loops over `{shown.removesuffix('-loop-item')}` and puts the item into an "
                "f-string, which kfp compiles to an input that does not exist inside If, "
                "ParallelFor or ExitHandler. Pass the item itself, and make the text in the task."
            )
        if name in specs.referenced_parameters(specs.canonical_json(container)):  # #12413
            return (
                f"takes its image or resources from `{shown}` inside If, ParallelFor or "
                "ExitHandler, where kfp loses the value. Write a constant, or move the task out."
            )
        if port == iterated:
            return (
                f"loops over `{shown}` inside If, ParallelFor or ExitHandler and does not use the "
                "item, where kfp loses the list. Pass the item to a task of the loop."
            )
        return (
            f"reads the parameter `{shown}`, which its sub-pipeline does not receive. "
            "Pass it to the sub-pipeline as an argument."
        )
    return None


def _malformed_condition(node: specs.TaskNode) -> str | None:
    condition = node.task.get("triggerPolicy", {}).get("condition")
    if condition is None:
        return None
    from headrace.compilation.passes.condition_form import is_well_formed  # see there

    if is_well_formed(condition):
        return None
    if re.search(r"'(?:int\(|double\()?inputs\.parameter_values", condition):
        if "-loop-item" in condition:
            return (
                "compares the item of a loop over an untyped list, which kfp treats as a text, "
                f"with a value that is not a text: {condition}. Give the list a type, for example "
                "`List[int]`."
            )
        return (
            f"compares a parameter that is not a string with a string: {condition}. Write the "
            "bool or the number itself, for example `flag == True` or `steps == 3`."
        )
    return (
        f"compares with a string that holds a quote or a backslash, which kfp does not escape: "
        f"{condition}. Compare with a string without them."
    )


def _unfilled_text(node: specs.TaskNode) -> str | None:
    texts = {
        "artifact_uri": node.executor.get("importer", {}).get("artifactUri"),
        "env": node.container.get("env"),
    }
    if not fills_in(node.container):  # `templates` sees to the others
        for name, source in specs.parameter_inputs(node.task).items():
            texts[name] = specs.constant(source)
    for where, value in texts.items():
        found = _CHANNEL.search(specs.canonical_json(value))
        if found and where == "env":
            return (
                f"sets a variable to a text with `{found[1]}`, and kfp sets constants only. Pass "
                "the value as a parameter of the component."
            )
        if found:
            return (
                f"has an f-string with `{found[1]}` in `{where}`, which kfp fills in only where "
                "it is a parameter's whole value. Pass the value itself, or make the text in a "
                "task."
            )
    return None


def _unknown_component(node: specs.TaskNode) -> str | None:
    image = specs.logical_image(node.container)
    name = node.headrace_name
    if image is not None and name is None:
        return (
            f"runs a command of its own in the Headrace image {image!r}, whose entry point is "
            "`python -m headrace_components.<component>`. Use an image of your own."
        )
    return None


_RULES: tuple[Rule, ...] = (
    _dangling_parameter,
    _malformed_condition,
    _unfilled_text,
    _unknown_component,
)
