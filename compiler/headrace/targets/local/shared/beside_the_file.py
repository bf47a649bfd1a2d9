"""Relative paths in a pipeline file: what a component reads may be beside the file.

So a pipeline runs from any directory. Only a run on this machine knows both directories, and
compiled pipelines keep the paths as they are.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.ir import specs
from headrace.ir.specs import Spec, TaskNode
from headrace_components.contract import declaration

_SQLITE = "sqlite:///"


def with_paths_beside(spec: Mapping[str, Any], directory: Path) -> Spec:
    """Returns a pipeline whose components read what is beside its file, if it is there.

    That concerns relative paths that the file itself has: defaults of the pipeline's parameters,
    and values of tasks. What is not there starts in the current directory, like a path on the
    command line.

    Args:
        spec: The pipeline.
        directory: The directory of its file.
    """
    result: Spec = specs.copy(spec)
    for node in specs.tasks(result):
        declared = declaration.find(node.headrace_name)
        for name in declared.read_paths if declared is not None else ():
            for holder, key in _places(result, node, name):
                holder[key] = _placed(holder[key], directory)
    return result


def _places(spec: Spec, node: TaskNode | None, name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yields where the file has the value that a task gets for a parameter."""
    if node is None:
        declared = specs.parameters(spec["root"]).get(name, {})
        if "defaultValue" in declared:
            yield declared, "defaultValue"
        return
    source = specs.parameter_inputs(node.task).get(name, {})
    if "constant" in source.get("runtimeValue", {}):
        yield source["runtimeValue"], "constant"
    elif "componentInputParameter" in source and "parameterExpressionSelector" not in source:
        yield from _places(spec, node.parent, source["componentInputParameter"])


def _placed(value: Any, directory: Path) -> Any:
    if not isinstance(value, str):
        return value
    start = _SQLITE if value.startswith(_SQLITE) else ""
    text = value.removeprefix(start)
    # An empty path is none, a URI has a place, and a template is filled in by the run.
    if not text or "://" in text or "{{" in text or Path(text).is_absolute():
        return value
    place = directory / text
    return f"{start}{place}" if place.exists() else value
