"""Finds `dsl.If(flag == 1)`, which kfp compiles to the opposite condition.

The compiled pipeline does not show it: `flag == 1` and `flag == False` both become `flag == false`.
So the pipeline function is traced once more, in the same way as kfp does it, and its comparisons
are read from the trace. Most pipelines have no comparison with true or false, and are not traced.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.errors import CompileError
from headrace.ir import specs


def check_conditions(pipeline: Any, spec: Mapping[str, Any]) -> None:
    """Refuses comparisons of a bool with a number.

    Args:
        pipeline: A compiled kfp pipeline.
        spec: The spec that kfp compiled it to.

    Raises:
        CompileError: A condition compares a bool with a number.
    """
    if not any(_compares_bools(node.task) for node in specs.tasks(spec)):
        return
    for part in _with_parts(pipeline, seen=[]):
        for operation in _operations(part):
            operands = (operation.left_operand, operation.right_operand)
            number = next((value for value in operands if _is_number(value)), None)
            channel = next((value for value in operands if _is_bool_channel(value)), None)
            if number is not None and channel is not None:
                raise CompileError(
                    f"{specs.pipeline_name(spec)}: a condition compares the bool "
                    f"`{channel.name}` with {number!r}, which kfp compiles to the opposite. Write "
                    f"`{channel.name} {operation.operator} {bool(number)}`."
                )


def _compares_bools(task: Mapping[str, Any]) -> bool:
    condition = task.get("triggerPolicy", {}).get("condition", "")
    return " true" in condition or " false" in condition or condition.startswith(("true", "false"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_bool_channel(value: Any) -> bool:
    return getattr(value, "channel_type", None) in ("BOOLEAN", "Boolean", "Bool", bool)


def _with_parts(pipeline: Any, seen: list[Any]) -> Iterator[Any]:
    """Yields a pipeline and the pipelines that its function names."""
    from kfp.dsl.graph_component import GraphComponent

    if any(pipeline is other for other in seen):
        return
    seen.append(pipeline)
    yield pipeline
    variables = inspect.getclosurevars(pipeline.pipeline_func)
    for value in [*variables.globals.values(), *variables.nonlocals.values()]:
        if isinstance(value, GraphComponent):
            yield from _with_parts(value, seen)


def _operations(pipeline: Any) -> Iterator[Any]:
    from kfp.dsl import pipeline_channel, pipeline_context

    inputs = pipeline.component_spec.inputs or {}
    arguments = [
        pipeline_channel.create_pipeline_channel(
            name=name,
            channel_type=inputs[name].type,
            is_artifact_list=inputs[name].is_artifact_list,
        )
        for name in inspect.signature(pipeline.pipeline_func).parameters
    ]
    with pipeline_context.Pipeline(pipeline.component_spec.name) as trace:
        pipeline.pipeline_func(*arguments)
    groups = list(trace.groups)
    while groups:
        group = groups.pop()
        groups.extend(group.groups)
        yield from getattr(group, "conditions", [])
