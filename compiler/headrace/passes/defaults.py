"""Passes every parameter explicitly, and switches off caches that would answer wrongly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import headrace_components
from headrace import ir
from headrace.ir import Spec
from headrace.targets import Target


def apply_defaults(spec: Mapping[str, Any], target: Target) -> Spec:
    """Returns `spec` with each default written where the task is called.

    Kubeflow's cache key leaves declared defaults out, so a changed default would be answered with
    the result of the old one.

    On `kubeflow` and `vertex`, the tasks of components that read more than their inputs (those with
    a `cache.py`) are never answered from a cache, since the backend cannot see what else they read.
    """
    result: Spec = ir.copy(spec)
    for node in ir.tasks(result):
        _pass_defaults(node)
        name = ir.headrace_component(node.container)
        if target != "local" and name is not None and _reads_more_than_its_inputs(name):
            node.task["cachingOptions"] = {}
    return result


def _pass_defaults(node: ir.TaskNode) -> None:
    given = ir.parameter_inputs(node.task)
    # The iterator gives the loop variable its value.
    item = node.task.get("parameterIterator", {}).get("itemInput")
    for name, definition in ir.parameters(node.component).items():
        if "defaultValue" in definition and name not in given and name != item:
            inputs = node.task.setdefault("inputs", {}).setdefault("parameters", {})
            inputs[name] = {"runtimeValue": {"constant": definition["defaultValue"]}}


def _reads_more_than_its_inputs(component: str) -> bool:
    # Whether the file is there decides: importing it is for those who run components.
    (directory, *_) = headrace_components.__path__
    return (Path(directory) / component / "cache.py").is_file()
