"""Removes the inputs of tasks that get no value, if Kubeflow's driver would look for one.

An optional input of a pipeline may have no value. Then the driver passes nothing on, and fails if a
task inside a sub-pipeline, a condition or a loop asks for it ("parent DAG does not have input
parameter"). A task without the input starts as on other targets. `dsl.IfPresentPlaceholder` on that
input is also removed: the driver only looks among parameters, and treats every artifact as missing.
The parts of `dsl.ConcatPlaceholder` become one argument if all of them are known to exist, because
the driver leaves it unchanged.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.compilation.passes.optional_inputs import (
    CONCAT,
    IF_PRESENT,
    asked,
    is_given,
    may_be_skipped,
    words,
)
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.templates import INPUT_PREFIX

_LOOPS = ("parameter", "artifact")

_Absent = tuple[frozenset[str], frozenset[str]]
"""The parameters and the artifacts of a DAG that are not there."""


def apply_absent_inputs(spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> Spec:
    """Returns `spec` without the inputs that are known to get no value.

    Args:
        spec: A pipeline as kfp compiles it, with the items of loops wired.
        values: Values of its run parameters; missing ones have their defaults. None if they are not
            known yet: then an optional parameter of the pipeline may have a value.

    Raises:
        CompileError: A task, a condition or a loop needs a value that is not there.
    """
    result: Spec = specs.copy(spec)
    root = result["root"]
    parameters = {
        name
        for name, definition in specs.parameters(root).items()
        if values is not None and values.get(name) is None and "defaultValue" not in definition
    }
    artifacts = {
        name for name, definition in specs.artifacts(root).items() if definition.get("isOptional")
    }
    absent: dict[tuple[str, ...], _Absent] = {(): (frozenset(parameters), frozenset(artifacts))}
    of_components: dict[str, _Absent] = {}
    for node in specs.tasks(result):
        try:
            _take_away(node, *absent[node.path[:-1]])
            if "dag" in node.component:
                inside = absent[node.path] = _absent_inside(node)
                if of_components.setdefault(node.task["componentRef"]["name"], inside) != inside:
                    raise _shared()
        except CompileError as error:
            label = f"{specs.pipeline_name(spec)}: task `{node.label}`"
            raise CompileError(f"{label}: {error}") from error
    for node in specs.tasks(result):
        if "dag" in node.component:
            _undeclare(node.component, *absent[node.path])
        for part in {"command", "args"} & set(node.container):
            is_known = values is not None
            node.container[part] = list(_arguments(node, node.container[part], is_known=is_known))
    return result


def may_be_absent(spec: Mapping[str, Any]) -> list[str]:
    """Returns a line for each parameter of the pipeline that a run on Kubeflow needs a value for.

    Args:
        spec: A pipeline that was compiled without the values of a run.
    """
    found = set()
    for node in specs.tasks(spec):
        needed = {name for text in words(node) for name in asked(text, frozenset())}
        for name in specs.parameter_inputs(node.task):
            if (node.parent is not None or name in needed) and is_given(node, name) is None:
                found.add(_of_root(node, name))
    return [
        f"{specs.pipeline_name(spec)}: Kubeflow fails where `{name}` has no value, since a "
        "sub-pipeline, a condition, a loop or a command line takes it. `headrace submit` compiles "
        "for the values of its run; for a run that is started otherwise, give it a default."
        for name in sorted(found)
    ]


def _of_root(node: specs.TaskNode, name: str) -> str:
    outer: str = specs.parameter_inputs(node.task)[name]["componentInputParameter"]
    return outer if node.parent is None else _of_root(node.parent, outer)


def _take_away(node: specs.TaskNode, parameters: frozenset[str], artifacts: frozenset[str]) -> None:
    """Takes the inputs from a task that it has of the given ones of the DAG around it."""
    inputs = specs.parameter_inputs(node.task)
    for port, source in list(inputs.items()):
        outer = source.get("componentInputParameter")
        if outer not in parameters:
            continue
        default = specs.parameters(node.component).get(port, {}).get("defaultValue")
        if default is not None:
            inputs[port] = {"runtimeValue": {"constant": default}}
            continue
        shown = outer.removeprefix(INPUT_PREFIX)
        needed_by = _needed_by(node, port, shown)
        if needed_by and not may_be_skipped(node):
            raise CompileError(
                f"{needed_by}, which has no value. Pass one, or give `{shown}` a default in the "
                "pipeline that declares it."
            )
        if not needed_by:  # otherwise the driver reports it, if the branch is taken
            del inputs[port]
    found = specs.artifact_inputs(node.task)
    for port, source in list(found.items()):
        outer = source.get("componentInputArtifact")
        if outer not in artifacts:
            continue
        del found[port]
        if not specs.artifacts(node.component).get(port, {}).get("isOptional") and not _is_made(
            port
        ):
            raise CompileError(
                f"its input `{port}` is the optional input `{outer}` of the pipeline around it, "
                f"which gets no artifact here. Connect one to `{outer}`, or make the component's "
                f"input optional, for example `{port}: dsl.Input[dsl.Artifact] = None`."
            )


def _needed_by(node: specs.TaskNode, port: str, shown: str) -> str:
    """Returns the part of a task that needs an input; empty if the input may be missing."""
    iterator = node.task.get("parameterIterator", {})
    if f"'{port}'" in node.task.get("triggerPolicy", {}).get("condition", ""):
        return f"its condition compares `{shown}`"
    if iterator.get("items", {}).get("inputParameter") == port:
        return f"it loops over `{shown}`"
    if any(port in asked(text, frozenset()) for text in words(node)):
        return f"its command line needs `{shown}`"
    constants = [specs.constant(source) for source in specs.parameter_inputs(node.task).values()]
    machine = {**node.container, "command": [], "args": []}
    if port in specs.referenced_parameters(specs.canonical_json([constants, machine])):
        return f"a text, its image or its machine is made with `{shown}`"
    definition = specs.parameters(node.component).get(port)
    may_be_absent = definition is None or definition.get("isOptional") or _is_made(port)
    return "" if may_be_absent else f"its parameter `{port}` is `{shown}`"


def _is_made(port: str) -> bool:
    """Returns whether kfp added an input of a condition or a loop; else an author declared it."""
    return port.startswith(INPUT_PREFIX)


def _absent_inside(node: specs.TaskNode) -> _Absent:
    inputs, found = specs.parameter_inputs(node.task), specs.artifact_inputs(node.task)
    items = [node.task.get(f"{kind}Iterator", {}).get("itemInput") for kind in _LOOPS]
    parameters = (
        name
        for name, definition in specs.parameters(node.component).items()
        if name not in inputs and name not in items and "defaultValue" not in definition
    )
    artifacts = (
        name for name in specs.artifacts(node.component) if name not in found and name not in items
    )
    return frozenset(parameters), frozenset(artifacts)


def _undeclare(
    component: dict[str, Any], parameters: frozenset[str], artifacts: frozenset[str]
) -> None:
    tasks = component["dag"]["tasks"].values()
    kept = {
        source.get("componentInputParameter")
        for task in tasks
        for source in specs.parameter_inputs(task).values()
    }
    for name in artifacts:
        specs.artifacts(component).pop(name, None)
    for name in parameters:
        if name in kept:
            specs.parameters(component)[name]["isOptional"] = True
        else:
            specs.parameters(component).pop(name, None)


def _shared() -> CompileError:
    return CompileError(
        "another task runs the same sub-pipeline with other inputs. Write two functions with "
        "@dsl.pipeline."
    )


def _arguments(node: specs.TaskNode, arguments: list[Any], *, is_known: bool) -> Iterator[str]:
    """Yields arguments with IfPresent decided and Concat joined, if that is possible.

    Args:
        node: The task.
        arguments: Texts, and placeholders as texts or as JSON data.
        is_known: Whether the values of the run are known, so that an input which is left has one.
    """
    for argument in arguments:
        text = argument if isinstance(argument, str) else json.dumps(argument)
        if text.startswith(CONCAT):
            parts = list(_arguments(node, json.loads(text)["Concat"], is_known=is_known))
            yield text if any(map(_is_placeholder, parts)) else "".join(parts)
            continue
        choice = json.loads(text)["IfPresent"] if text.startswith(IF_PRESENT) else None
        if choice is None:
            yield text
            continue
        branches = {
            branch: choice[branch] if isinstance(choice[branch], list) else [choice[branch]]
            for branch in ("Then", "Else")
            if branch in choice
        }
        is_present = _is_present(node, choice["InputName"], is_known=is_known)
        if is_present is not None:
            chosen = branches.get("Then" if is_present else "Else", [])
            yield from _arguments(node, chosen, is_known=is_known)
        elif CONCAT in text:
            joined = {
                branch: list(_arguments(node, parts, is_known=is_known))
                for branch, parts in branches.items()
            }
            yield json.dumps({"IfPresent": {**choice, **joined}})
        else:
            yield text


def _is_placeholder(text: str) -> bool:
    return text.startswith((IF_PRESENT, CONCAT))


def _is_present(node: specs.TaskNode, name: str, *, is_known: bool) -> bool | None:
    if name in specs.artifacts(node.component):
        return name in specs.artifact_inputs(node.task)
    is_there = is_given(node, name)
    return True if is_there is None and is_known else is_there
