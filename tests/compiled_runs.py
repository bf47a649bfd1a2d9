"""Runs what the compiler wrote for Kubeflow, task after task, as its driver and launcher do.

The commands, the declarations and the wiring are those of the compiled file. It knows what a DAG of
containers has; anything else in the file is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from launcher import Launcher, Outcome, Stored

Object = Mapping[str, Any]

PIPELINE_VALUES = {"{{$.pipeline_job_name}}": "run-1", "{{$.pipeline_task_name}}": "task-1"}
"""What the driver puts in place of a constant, where that is nothing else."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A port or parameter, as kfp's component specs have it."""

    type: str
    default: Any = None
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A component, as kfp's component specs have it."""

    inputs: dict[str, Declaration]
    outputs: dict[str, Declaration]


def run(text: str, launcher: Launcher, parameters: Object) -> dict[str, Outcome]:
    """Runs a compiled pipeline, and returns what each of its tasks published.

    Args:
        text: The file; a platform spec after the pipeline's is left out.
        launcher: Where, and by which rules.
        parameters: Parameters of the run.

    Raises:
        TaskFailedError: A task failed, or broke a rule of the backend.
    """
    document = next(yaml.safe_load_all(text))
    root = document["root"]
    declared = _declarations(root.get("inputDefinitions", {}))
    values = {name: each.default for name, each in declared.items()} | dict(parameters)
    tasks, done = dict(root["dag"]["tasks"]), dict[str, Outcome]()
    while tasks:
        ready = [
            name
            for name, task in tasks.items()
            if all(each in done for each in task.get("dependentTasks", ()))
        ]
        for name in ready:
            task = tasks.pop(name)
            component = document["components"][task["componentRef"]["name"]]
            executor = document["deploymentSpec"]["executors"][component["executorLabel"]]
            done[name] = _run_task(name, task, component, executor, launcher, values, done)
    return done


def _run_task(
    name: str,
    task: Object,
    component: Object,
    executor: Object,
    launcher: Launcher,
    values: Object,
    done: Mapping[str, Outcome],
) -> Outcome:
    spec = Spec(
        inputs=_declarations(component.get("inputDefinitions", {})),
        outputs=_declarations(component.get("outputDefinitions", {})),
    )
    inputs = task.get("inputs", {})
    parameters = {
        each: _value(source, values, done) for each, source in inputs.get("parameters", {}).items()
    }
    # The driver gives a task what kfp adds to its inputs, whatever the component declares.
    undeclared = {each: Declaration(type="") for each in parameters if each not in spec.inputs}
    spec = Spec(inputs=spec.inputs | undeclared, outputs=spec.outputs)
    artifacts = {
        each: _artifact(source, done) for each, source in inputs.get("artifacts", {}).items()
    }
    container = executor["container"]
    command = [*container["command"], *container["args"]]
    variables = {each["name"]: each["value"] for each in container.get("env", ())}
    return launcher.run_command(name, spec, command, parameters, variables, **artifacts)


def _declarations(definitions: Object) -> dict[str, Declaration]:
    parameters = {
        name: Declaration(
            type=each["parameterType"],
            default=each.get("defaultValue"),
            optional=each.get("isOptional", False),
        )
        for name, each in definitions.get("parameters", {}).items()
    }
    artifacts = {
        name: Declaration(
            type=f"{each['artifactType']['schemaTitle']}@{each['artifactType']['schemaVersion']}",
            optional=each.get("isOptional", False),
        )
        for name, each in definitions.get("artifacts", {}).items()
    }
    return parameters | artifacts


def _value(source: Object, values: Object, done: Mapping[str, Outcome]) -> Any:
    ((kind, what),) = source.items()
    if kind == "runtimeValue":
        constant = what["constant"]
        return PIPELINE_VALUES.get(constant, constant) if isinstance(constant, str) else constant
    if kind == "componentInputParameter":
        return values[what]
    if kind == "taskOutputParameter":
        return done[what["producerTask"]].parameters[what["outputParameterKey"]]
    raise TypeError(f"a parameter comes from {kind}, which no DAG of containers has")


def _artifact(source: Object, done: Mapping[str, Outcome]) -> Stored:
    ((kind, what),) = source.items()
    if kind != "taskOutputArtifact":
        raise TypeError(f"an artifact comes from {kind}, which no DAG of containers has")
    return done[what["producerTask"]][what["outputArtifactKey"]]
