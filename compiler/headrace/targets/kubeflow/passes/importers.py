"""Completes the metadata of importers, because Kubeflow's launcher does not replace anything in it.

It keeps `{{$.inputs.parameters['owner']}}` in metadata as that text. And unless an importer has
`reimport`, it looks for an artifact that this pipeline imported before, with the same URI and type
and at least this metadata, and passes that on, with all metadata of the other importer.
"""

import re
from collections.abc import Mapping
from typing import Any

from headrace.compilation.passes.known_values import Known
from headrace.errors import CompileError
from headrace.ir import specs
from headrace.ir.specs import Spec
from headrace_components.contract.templates import INPUT_PREFIX, to_text

_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['(?P<name>[^']+)'\]\}\}")


def apply_importer_names(spec: Mapping[str, Any]) -> Spec:
    """Returns `spec` without the display names of importers.

    Kubeflow's driver stores the artifact of an importer under its display name, and the tasks that
    read it look for it under its key.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        if "importer" in node.executor:
            node.task["taskInfo"] = {"name": node.path[-1]}
    return result


def apply_importers(spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> Spec:
    """Returns `spec` with the metadata of importers written out.

    Args:
        spec: A pipeline for Kubeflow.
        values: Values of its run parameters; missing ones have their defaults. None if they are not
            known yet.

    Raises:
        CompileError: Metadata depend on values that only the run knows, or an importer would get
            the artifact of another one.
    """
    result: Spec = specs.copy(spec)
    found = [node for node in specs.tasks(result) if "importer" in node.executor]
    for node in found:
        importer = node.executor["importer"]
        if "metadata" in importer:
            known = Known(result, values, {}).of(node, "importer")
            importer["metadata"] = _filled(importer["metadata"], known, node, result)
    for node in found:
        for other in found:
            if _takes_from(node, other):
                raise CompileError(
                    f"{specs.pipeline_name(spec)}: task `{node.label}`: target kubeflow gives it "
                    f"the artifact of `{other.label}`, which imports the same URI and has more "
                    "metadata. Write reimport=True, or the same metadata for both."
                )
    return result


def _filled(value: Any, known: Mapping[str, Any], node: specs.TaskNode, spec: Spec) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, known, node, spec) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, known, node, spec) for item in value]
    if not isinstance(value, str):
        return value
    for name in specs.referenced_parameters(value):
        if known.get(name) is None:
            raise CompileError(
                f"{specs.pipeline_name(spec)}: task `{node.label}`: target kubeflow keeps the "
                f"placeholder of {_origin(node, name)} in the importer's metadata, and not its "
                "value. Write a constant, or have a task make the artifact and its metadata; a "
                "parameter of the pipeline is filled in by `headrace submit`."
            )
    whole = _PLACEHOLDER.fullmatch(value)
    if whole:
        return known[whole["name"]]
    return _PLACEHOLDER.sub(lambda match: to_text(known[match["name"]]), value)


def _origin(node: specs.TaskNode, name: str) -> str:
    """Returns the source of the value of a task's input."""
    source = specs.parameter_inputs(node.task).get(name, {})
    output = source.get("taskOutputParameter")
    if output:
        return f"`{output['outputParameterKey']}` of task `{output['producerTask']}`"
    outer = source.get("componentInputParameter", name)
    if node.parent is None or outer not in specs.parameter_inputs(node.parent.task):
        return f"`{outer.removeprefix(INPUT_PREFIX)}`"
    return _origin(node.parent, outer)


def _takes_from(node: specs.TaskNode, other: specs.TaskNode) -> bool:
    mine, theirs = node.executor["importer"], other.executor["importer"]
    wanted, more = mine.get("metadata", {}), theirs.get("metadata", {})
    return (
        not mine.get("reimport")
        and _uri(node) == _uri(other)
        and mine.get("typeSchema") == theirs.get("typeSchema")
        and wanted != more
        and all(name in more and more[name] == value for name, value in wanted.items())
    )


def _uri(node: specs.TaskNode) -> tuple[str, Any]:
    """Returns an importer's URI, or the source of it; equal for the same URI."""
    uri = node.executor["importer"].get("artifactUri", {})
    if "runtimeParameter" in uri:
        return _source(node, uri["runtimeParameter"])
    return "constant", uri.get("constant")


def _source(node: specs.TaskNode, name: str) -> tuple[str, Any]:
    source = specs.parameter_inputs(node.task).get(name, {})
    outer = source.get("componentInputParameter")
    if (
        outer is not None
        and node.parent is not None
        and "parameterIterator" not in node.parent.task
    ):
        return _source(node.parent, outer)
    if outer is not None:
        return "/".join(node.path[:-1]), (outer, source.get("parameterExpressionSelector"))
    if "runtimeValue" in source:
        return "constant", specs.constant(source)
    return "/".join(node.path[:-1]), specs.canonical_json(source)
