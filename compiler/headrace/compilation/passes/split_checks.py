"""Finds a task that asks for a split which the task that it reads does not make."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import CompileError
from headrace.ir import specs
from headrace.profiles.tasks import TaskPath
from headrace_components.contract.declaration import early_checks
from headrace_components.contract.early_checks import ask

Port = tuple[specs.TaskNode, str]
"""A task that runs a container, and one of its output artifacts."""


def check_splits(spec: Mapping[str, Any], params: Mapping[TaskPath, Any]) -> None:
    """Compares the splits that tasks read with those that other tasks make, if both are known.

    Args:
        spec: A pipeline.
        params: What is known of the parameters of tasks with Headrace's components, by path.

    Raises:
        CompileError: A split that is asked for is not made. The message names both tasks.
    """
    graph = _Graph(spec, params)
    for node in graph.nodes.values():
        if node.path not in params:
            continue
        checks = early_checks(node.headrace_name)
        for need in ask(checks.splits_read, params[node.path]) or ():
            port = graph.source(node, need.port)
            made = graph.splits(port) if port is not None else None
            if port is None or made is None:
                continue
            missing = [name for name in need.names if name not in made]
            if missing:
                near = difflib.get_close_matches(missing[0], made, n=1)
                advice = (
                    f"Did you mean {near[0]!r}?"
                    if near
                    else f"Name splits in `{need.parameter}` that are among those."
                )
                raise CompileError(
                    f"task `{node.label}`: it reads the split {missing[0]!r} of `{need.port}`, "
                    f"by `{need.parameter}` or its default, but task `{port[0].label}` "
                    f"makes the splits {list(made)}. {advice}"
                )


class _Graph:
    """The producers of artifacts, and their splits."""

    def __init__(self, spec: Mapping[str, Any], params: Mapping[TaskPath, Any]) -> None:
        self.nodes = {node.path: node for node in specs.tasks(spec)}
        self._params = params
        self._splits: dict[tuple[TaskPath, str], Sequence[str] | None] = {}

    def source(self, node: specs.TaskNode, port: str) -> Port | None:
        """Returns the producer of an input artifact; None if there may be several, or none."""
        given = specs.artifact_inputs(node.task).get(port, {})
        if "taskOutputArtifact" in given:
            output = given["taskOutputArtifact"]
            producer = self.nodes.get((*node.path[:-1], output["producerTask"]))
            return self._output(producer, output["outputArtifactKey"])
        outer = given.get("componentInputArtifact")
        if outer is None or node.parent is None:
            return None
        if node.parent.task.get("artifactIterator", {}).get("itemInput") == outer:
            return None
        return self.source(node.parent, outer)

    def splits(self, port: Port) -> Sequence[str] | None:
        """Returns the splits of an output artifact; None if they are not known."""
        node, name = port
        key = (node.path, name)
        if key not in self._splits:
            self._splits[key] = self._made(node).get(name)
        return self._splits[key]

    def _output(self, node: specs.TaskNode | None, port: str) -> Port | None:
        if node is None or "parameterIterator" in node.task or "artifactIterator" in node.task:
            return None
        if "dag" not in node.component:
            return node, port
        outputs = node.component["dag"].get("outputs", {}).get("artifacts", {})
        selectors = outputs.get(port, {}).get("artifactSelectors", [])
        if len(selectors) != 1:
            return None
        (selector,) = selectors
        inner = self.nodes.get((*node.path, selector["producerSubtask"]))
        return self._output(inner, selector["outputArtifactKey"])

    def _made(self, node: specs.TaskNode) -> Mapping[str, Sequence[str]]:
        checks = early_checks(node.headrace_name)
        if node.path not in self._params or checks.splits_made is None:
            return {}
        inputs = {}
        for name in specs.artifacts(node.component):
            port = self.source(node, name)
            made = self.splits(port) if port is not None else None
            if made is not None:
                inputs[name] = made
        return ask(checks.splits_made, self._params[node.path], inputs) or {}
