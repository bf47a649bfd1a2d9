"""Computes the inputs of a task: constants, inputs of the DAG, outputs of earlier tasks."""

import json
from collections.abc import Mapping
from typing import Any

from headrace.ir import specs
from headrace.ir.arguments import typed
from headrace.ir.parameter_types import AUTHOR_NAMES, is_handed_on, kind_of
from headrace.ir.values import coerce, select
from headrace.ir.view import ComponentSpec, TaskSpec
from headrace.targets.local.execution.final_status import final_status
from headrace.targets.local.execution.placeholders import Context, fill_constant
from headrace.targets.local.shared.results import RuntimeArtifact, TaskInputs, TaskResult
from headrace.targets.local.shared.rules import Rules
from headrace_components.contract.errors import InputError
from headrace_components.contract.templates import TEMPLATES_INPUT
from headrace_components.contract.templates import fill as fill_templates

_ABSENT: Any = object()


def resolve(
    task: TaskSpec,
    component: ComponentSpec,
    scope: TaskInputs,
    upstream: Mapping[str, TaskResult],
    context: Context,
    rules: Rules,
) -> TaskInputs:
    """Returns the inputs of a task.

    Args:
        task: The task.
        component: Its component, whose declarations give types and defaults.
        scope: The inputs of the DAG that the task is in.
        upstream: Results of the tasks that it depends on.
        context: Values of the pipeline's placeholders; names the task in error messages.
        rules: Those of the backend that the run is like.

    Raises:
        InputError: A required input has no value, a value does not have the declared type, or an
            output cannot be collected.
    """
    where = context.task
    values: dict[str, Any] = {}
    constants = {}
    for name, source in task.parameters.items():
        if "runtimeValue" in source:
            constants[name] = source
            continue
        if "taskFinalStatus" in source:
            producer = source["taskFinalStatus"]["producerTask"]
            values[name] = final_status(producer, upstream[producer], component, rules, context)
            continue
        value = _parameter(name, source, scope, upstream, where)
        if value is not _ABSENT:
            values[name] = _selected(value, source, f"{where}: `{name}`")
    # A constant may refer to the task's other inputs, which kfp adds under new names.
    filling = Context(
        task=where,
        pipeline=context.pipeline,
        message={"inputs": {"parameterValues": dict(values)}},
    )
    for name, source in constants.items():
        value = fill_constant(_constant(source["runtimeValue"], where), filling)
        values[name] = _selected(value, source, f"{where}: `{name}`")
    if component.headrace_name is not None or TEMPLATES_INPUT in values:
        values = _own(values, component, where)
    return TaskInputs(
        parameters=typed(values, component, where, _handed_on),
        artifacts=_artifacts(task, component, scope, upstream, where),
        values=_values(task, scope, upstream),
    )


def _values(
    task: TaskSpec, scope: TaskInputs, upstream: Mapping[str, TaskResult]
) -> dict[str, tuple[RuntimeArtifact, ...]]:
    """Returns the artifacts of the parameters that are the value of an earlier task."""
    found = {}
    for name, source in task.parameters.items():
        if "parameterExpressionSelector" in source:
            continue  # a part of it
        if "taskOutputParameter" in source:
            output = source["taskOutputParameter"]
            made = upstream[output["producerTask"]].artifacts.get(output["outputParameterKey"])
        else:
            made = scope.values.get(source.get("componentInputParameter", ""))
        if made:
            found[name] = made
    return found


def _own(values: Mapping[str, Any], component: ComponentSpec, where: str) -> dict[str, Any]:
    """Returns the values of a task for a component that fills in templates.

    kfp adds inputs for this; those that define the container's machine are kept.
    """
    kept = specs.referenced_parameters(specs.canonical_json(component.container))
    filled = fill_templates(values, where)
    return {
        **{name: filled[name] for name in filled if name in component.input_parameters},
        **{name: values[name] for name in kept if name in values},
    }


def of_iteration(
    values: Mapping[str, Any], item: str, component: ComponentSpec, where: str
) -> dict[str, Any]:
    """Returns the parameters of one round of a loop.

    Args:
        values: Parameters of the loop, and the item of the round.
        item: Name of the item.
        component: The component that runs in each round.
        where: The round, for error messages.

    Raises:
        InputError: The item is of another type than the tasks of the loop take.
    """
    if values[item] is None:
        raise InputError(
            f"{where}: the item of the loop is null, and the driver of Kubeflow hands on none. "
            "Leave it out of the list."
        )
    return typed(dict(values), component, where, _handed_on)


def loop_items(iterator: Mapping[str, Any], inputs: TaskInputs, where: str) -> list[Any]:
    """Returns the items of a loop.

    Raises:
        InputError: It is not a list.
    """
    items = iterator["items"]
    value = items["raw"] if "raw" in items else inputs.parameters.get(items["inputParameter"])
    if value is None:
        raise InputError(f"{where}: the list to loop over has no value. Pass one, for example [].")
    listed: list[Any] = coerce(value, "LIST", f"{where}: what it loops over")
    return listed


def _constant(value: Mapping[str, Any], where: str) -> Any:
    if "constant" not in value:
        raise InputError(
            f"{where}: a constant has {sorted(value)}, expected `constant`. Compile the pipeline "
            "again with kfp 2.13 to 2.17."
        )
    return value["constant"]


def _parameter(
    name: str,
    source: Mapping[str, Any],
    scope: TaskInputs,
    upstream: Mapping[str, TaskResult],
    where: str,
) -> Any:
    if "componentInputParameter" in source:
        return scope.parameters.get(source["componentInputParameter"], _ABSENT)
    if "taskOutputParameter" in source:
        output = source["taskOutputParameter"]
        producer = upstream[output["producerTask"]]
        _check_collected(name, producer, output["outputParameterKey"], where)
        return producer.parameters.get(output["outputParameterKey"], _ABSENT)
    raise InputError(
        f"{where}: a parameter comes from {sorted(source)}, which is unknown. Compile the "
        "pipeline again with kfp 2.13 to 2.17."
    )


def _check_collected(name: str, producer: TaskResult, key: str, where: str) -> None:
    if key in producer.uncollected:
        raise InputError(
            f"{where}: `{name}` collects from {producer.uncollected[key]}, or run with --like "
            "vertex if it is not for Kubeflow."
        )


def _selected(value: Any, source: Mapping[str, Any], where: str) -> Any:
    selector = source.get("parameterExpressionSelector")
    return select(value, selector, where) if selector else value


def _handed_on(value: Any, kind: str | None, where: str) -> Any:
    """Returns a value as Kubeflow's driver hands it to a task: it makes texts, and nothing else."""
    if not is_handed_on(value, kind):
        asked = AUTHOR_NAMES[kind or ""]
        raise InputError(
            f"{where} is {json.dumps(value)[:100]}, a {kind_of(value)}, but it takes {asked}, and "
            f"Kubeflow converts nothing but into texts. Have the component before it return "
            f"{asked}, or put a value of that type into the list or dict that it is from."
        )
    return coerce(value, kind, where)


def _artifacts(
    task: TaskSpec,
    component: ComponentSpec,
    scope: TaskInputs,
    upstream: Mapping[str, TaskResult],
    where: str,
) -> dict[str, tuple[RuntimeArtifact, ...]]:
    artifacts = {}
    for name, source in task.artifacts.items():
        if "componentInputArtifact" in source:
            found = scope.artifacts.get(source["componentInputArtifact"])
        else:
            output = source["taskOutputArtifact"]
            producer = upstream[output["producerTask"]]
            _check_collected(name, producer, output["outputArtifactKey"], where)
            found = producer.artifacts.get(output["outputArtifactKey"])
        if found is not None:
            artifacts[name] = found
    for name, definition in component.input_artifacts.items():
        if name not in artifacts and not definition.get("isOptional"):
            raise InputError(
                f"{where}: input `{name}` got no artifact: the task that should make it did not "
                "run. Give `dsl.OneOf` a branch that always runs, or make the input optional."
            )
    return artifacts
