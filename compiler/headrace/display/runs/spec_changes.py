"""What changed between two compiled pipelines: their tasks, and the code that they carry."""

from collections.abc import Mapping
from typing import Any

from headrace.contract.service import RunSource
from headrace.contract.shown_values import packed_in, shown
from headrace.display.runs.changes import RunChange, changes_of, text_change
from headrace.ir import specs
from headrace_components.contract.errors import InputError
from headrace_components.library.user_code.module_pack import unpack

_CONTAINER = ("image", "env", "resources")


def pipeline_changes(before: RunSource, after: RunSource) -> list[RunChange]:
    """Returns the tasks that are new or gone, and what changed in the others, but for code."""
    one, other = _tasks(before.spec), _tasks(after.spec)
    found = changes_of(
        {"name": specs.pipeline_name(before.spec)},
        {"name": specs.pipeline_name(after.spec)},
        what="the pipeline",
    )
    found += changes_of(_defaults(before.spec), _defaults(after.spec), what="default")
    for name in dict.fromkeys((*one, *other)):
        if name not in one:
            found.append(RunChange(kind="added", what=name))
        elif name not in other:
            found.append(RunChange(kind="removed", what=name))
        else:
            found += changes_of(_facts(one[name]), _facts(other[name]), what=name)
    return found


def code_changes(before: RunSource, after: RunSource) -> list[RunChange]:
    """Returns the files of modules that changed, and the commands of other components.

    A module that several tasks have is one change.
    """
    one, other = _modules(before), _modules(after)
    pairs: dict[tuple[str | None, str | None], list[str]] = {}
    for place in dict.fromkeys((*one, *other)):
        pair = (one.get(place), other.get(place))
        if pair[0] != pair[1] and None not in pair:
            pairs.setdefault(pair, []).append(place)
    found = []
    for (old, new), places in pairs.items():
        files, new_files = _files(old), _files(new)
        found += [
            text_change(f"{name} ({', '.join(places)})", files.get(name), new_files.get(name))
            for name in sorted({*files, *new_files})
            if files.get(name) != new_files.get(name)
        ]
    commands, new_commands = _commands(before.spec), _commands(after.spec)
    found += [
        text_change(f"command of {name}", commands[name], new_commands[name])
        for name in commands
        if name in new_commands and commands[name] != new_commands[name]
    ]
    return found


def _tasks(spec: Mapping[str, Any]) -> dict[str, specs.TaskNode]:
    return {node.label: node for node in specs.tasks(spec)}


def _defaults(spec: Mapping[str, Any]) -> dict[str, Any]:
    declared = specs.parameters(spec["root"])
    return {name: shown(each.get("defaultValue")) for name, each in sorted(declared.items())}


def _facts(node: specs.TaskNode) -> dict[str, Any]:
    """Returns what a task is, by words for people; a missing word is None."""
    task, container = node.task, node.container
    facts = {
        "component": node.headrace_name,
        **{name: container.get(name) for name in _CONTAINER},
        "importer": node.executor.get("importer"),
        "waits for": sorted(task.get("dependentTasks", ())) or None,
        "condition": task.get("triggerPolicy", {}).get("condition"),
        "runs after failures": task.get("triggerPolicy", {}).get("strategy"),
        "loop": task.get("parameterIterator") or task.get("artifactIterator"),
        "cache": task.get("cachingOptions"),
        "retries": task.get("retryPolicy"),
    }
    sources = {**specs.parameter_inputs(task), **specs.artifact_inputs(task)}
    return {**facts, **{name: shown(_source(sources[name])) for name in sorted(sources)}}


def _source(source: Mapping[str, Any]) -> Any:
    """Returns where an input of a task comes from: a constant, or words for it."""
    if "runtimeValue" in source:
        return specs.constant(source)
    for kind, port in (
        ("taskOutputParameter", "outputParameterKey"),
        ("taskOutputArtifact", "outputArtifactKey"),
    ):
        if kind in source:
            return f"{source[kind]['producerTask']}.{source[kind][port]}"
    name = source.get("componentInputParameter") or source.get("componentInputArtifact")
    return f"the input {name}" if name else dict(source)


def _modules(source: RunSource) -> dict[str, str]:
    """Returns the packed modules by their places, such as `trainer`."""
    values: list[tuple[str, Any]] = list(source.parameters.items())
    for label, node in _tasks(source.spec).items():
        inputs = specs.parameter_inputs(node.task)
        values += [(label, specs.constant(each)) for each in inputs.values()]
    return {place: text for place, value in values for text in packed_in(value)}


def _files(packed: str | None) -> dict[str, str]:
    try:
        return unpack(packed)[1] if packed else {}
    except InputError:  # damaged: it is shown as no files
        return {}


def _commands(spec: Mapping[str, Any]) -> dict[str, str]:
    """Returns the command lines of components that are not Headrace's, one word a line."""
    return {
        label: "\n".join(
            word if isinstance(word, str) else repr(word)
            for word in (*node.container.get("command", ()), *node.container.get("args", ()))
        )
        for label, node in _tasks(spec).items()
        if node.container and node.headrace_name is None
    }
