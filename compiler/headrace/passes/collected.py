"""What cannot be collected from a loop on Kubeflow."""

from collections.abc import Mapping
from typing import Any

from headrace import ir
from headrace.errors import CompileError


def check_collected(spec: Mapping[str, Any]) -> None:
    """Refuses to collect from a condition in a loop.

    Kubeflow's driver follows each round of the loop down to the task whose output is collected. It
    crashes where a condition on the way does not hold, and the run fails without a word.

    Raises:
        CompileError: A task collects such an output.
    """
    for node in ir.tasks(spec):
        for kind, found in (("Parameter", ir.parameter_inputs), ("Artifact", ir.artifact_inputs)):
            for port, source in found(node.task).items():
                output = source.get(f"taskOutput{kind}")
                where = output and _condition(
                    spec, node.enclosing, output["producerTask"], output[f"output{kind}Key"], kind
                )
                if where:
                    raise CompileError(
                        f"{ir.pipeline_name(spec)}: task `{node.label}`: target kubeflow cannot "
                        f"collect `{port}` from `{where}`, a condition in a loop: its driver "
                        "crashes in a round where the condition does not hold. Give the condition "
                        "a dsl.Else, have a task of the loop take the dsl.OneOf of both, and "
                        "collect that task's output."
                    )


def _condition(
    spec: Mapping[str, Any],
    enclosing: Mapping[str, Any],
    producer: str,
    key: str,
    kind: str,
    is_in_loop: bool = False,
) -> str:
    """Returns the condition within a loop that an output comes through; empty for none."""
    task = enclosing["dag"]["tasks"][producer]
    if is_in_loop and "condition" in task.get("triggerPolicy", {}):
        return producer
    component = spec["components"][task["componentRef"]["name"]]
    outputs = component.get("dag", {}).get("outputs", {}).get(f"{kind.lower()}s", {}).get(key, {})
    if kind == "Parameter":
        selectors = [outputs[name] for name in ("valueFromParameter",) if name in outputs]
    else:
        selectors = outputs.get("artifactSelectors", [])
    if len(selectors) != 1:  # of a task, or a OneOf, of which one branch always runs
        return ""
    (selector,) = selectors
    inner, inner_key = selector["producerSubtask"], selector[f"output{kind}Key"]
    is_in_loop = is_in_loop or "parameterIterator" in task
    return _condition(spec, component, inner, inner_key, kind, is_in_loop)
