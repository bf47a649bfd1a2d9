"""Refuses outputs that Kubeflow cannot collect from a loop."""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.compilation.passes.known_values import Known, is_conditional
from headrace.errors import CompileError
from headrace.ir import specs

_KINDS = (("Parameter", specs.parameter_inputs), ("Artifact", specs.artifact_inputs))


def check_collected(spec: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
    """Refuses to collect from a condition in a loop, and from a loop over nothing.

    Kubeflow's driver follows each round of the loop down to the task whose output is collected. It
    crashes if a condition on the way is false, and the run fails without a message. If there are no
    rounds, it fails because it finds no such task.

    Args:
        spec: The pipeline.
        values: Values of its run parameters; missing ones have their defaults. None if they are not
            known yet.

    Raises:
        CompileError: A task collects such an output.
    """
    nodes = {node.path: node for node in specs.tasks(spec)}
    for node in nodes.values():
        for port, path in _collected(spec, node):
            is_in_loop = False
            for length in range(len(node.path), len(path) + 1):
                inner = nodes[path[:length]]
                if is_in_loop and "condition" in inner.task.get("triggerPolicy", {}):
                    raise _refusal(
                        spec,
                        node,
                        f"cannot collect `{port}` from `{inner.label}`, a condition in a loop: its "
                        "driver crashes in a round where the condition does not hold. Give the "
                        "condition a dsl.Else, have a task of the loop take the dsl.OneOf of both, "
                        "and collect that task's output.",
                    )
                given = None if is_conditional(inner) else values
                if Known(spec, given, {}).items(inner) == []:
                    raise _refusal(
                        spec,
                        node,
                        f"cannot collect `{port}` from `{inner.label}`, a loop over nothing in "
                        "this run: its driver finds no task there. Give the list an item, or leave "
                        "out the loop and what collects from it with dsl.If.",
                    )
                is_in_loop = is_in_loop or "parameterIterator" in inner.task


def _refusal(spec: Mapping[str, Any], node: specs.TaskNode, words: str) -> CompileError:
    return CompileError(
        f"{specs.pipeline_name(spec)}: task `{node.label}`: target kubeflow {words}"
    )


def _collected(
    spec: Mapping[str, Any], node: specs.TaskNode
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields inputs of a task that come from inside a DAG, and the path of the task they are of."""
    for kind, found in _KINDS:
        for port, source in found(node.task).items():
            output = source.get(f"taskOutput{kind}")
            if output is not None:
                key = output[f"output{kind}Key"]
                names = _way(spec, node.enclosing, output["producerTask"], key, kind)
                yield port, (*node.path[:-1], *names)


def _way(
    spec: Mapping[str, Any], enclosing: Mapping[str, Any], producer: str, key: str, kind: str
) -> list[str]:
    """Returns the tasks that an output comes through, down to one with a choice or without a DAG.

    A dsl.OneOf has a choice: of its branches one always runs.
    """
    reference = enclosing["dag"]["tasks"][producer]["componentRef"]["name"]
    component = spec["components"][reference]
    outputs = specs.dag_outputs(component).get(f"{kind.lower()}s", {}).get(key, {})
    selectors = outputs.get("artifactSelectors", [])
    if "valueFromParameter" in outputs:
        selectors = [outputs["valueFromParameter"]]
    if len(selectors) != 1:
        return [producer]
    (selector,) = selectors
    inner = _way(spec, component, selector["producerSubtask"], selector[f"output{kind}Key"], kind)
    return [producer, *inner]
