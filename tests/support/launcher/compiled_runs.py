"""Runs a pipeline compiled for Kubeflow, task after task, like its driver and launcher.

The commands, the declarations and the wiring are from the compiled file. Only DAGs of containers
are supported; anything else in the file is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from support.launcher.entry_points import Launcher, Outcome, Stored
from support.launcher.kubeflow_words import delivered
from support.launcher.remote_caches import RemoteCache

Object = Mapping[str, Any]

PIPELINE_VALUES = {
    "{{$.pipeline_job_name}}": "run-1",
    "{{$.pipeline_job_uuid}}": "uuid-1",
    "{{$.pipeline_task_name}}": "task-1",
}
"""The driver only replaces this if it is the whole constant."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A port or parameter in kfp's component specs."""

    type: str
    default: Any = None
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A component in kfp's component specs."""

    inputs: dict[str, Declaration]
    outputs: dict[str, Declaration]


def run(
    text: str, launcher: Launcher, parameters: Object, cache: RemoteCache | None = None
) -> dict[str, Outcome]:
    """Runs a compiled pipeline, and returns the outputs of each task.

    Args:
        text: The file; from a platform spec after the pipeline, only claims are used, in cache
            keys.
        launcher: The launcher, with the rules of a backend.
        parameters: Parameters of the run.
        cache: The cache for tasks that allow it; None runs all tasks.

    Raises:
        TaskFailedError: A task failed, or broke a rule of the backend.
    """
    document, *platforms = yaml.safe_load_all(text)
    if cache:
        cache.begin_run()
    root = document["root"]
    declared = _declarations(root.get("inputDefinitions", {}))
    values = {name: each.default for name, each in declared.items()} | delivered(parameters)
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
            claims = _claims(platforms, component["executorLabel"])
            made = _Wired(name, task, component, executor["container"], values, done)
            key = made.key(cache, document["pipelineInfo"]["name"], claims) if cache else None
            found = cache.look_up(name, key) if cache else None
            done[name] = found or made.run(launcher)
            if cache:
                cache.store(key, done[name])
    return done


class _Wired:
    """A task with the values of its inputs."""

    def __init__(
        self,
        name: str,
        task: Object,
        component: Object,
        container: Object,
        values: Object,
        done: Mapping[str, Outcome],
    ) -> None:
        self._name, self._task, self._component, self._container = name, task, component, container
        inputs = task.get("inputs", {})
        self._parameters = {
            each: _value(source, values, done)
            for each, source in inputs.get("parameters", {}).items()
        }
        self._artifacts = {
            each: _artifact(source, done) for each, source in inputs.get("artifacts", {}).items()
        }

    def key(self, cache: RemoteCache, pipeline: str, claims: list[str]) -> str | None:
        if not self._task.get("cachingOptions", {}).get("enableCache"):
            return None
        artifacts = {port: [stored] for port, stored in self._artifacts.items()}
        return cache.key(
            pipeline, self._component, self._container, self._parameters, artifacts, claims
        )

    def run(self, launcher: Launcher) -> Outcome:
        inputs = _declarations(self._component.get("inputDefinitions", {}))
        # The driver passes inputs that kfp adds to a task, also if the component does not declare
        # them.
        undeclared = {each: Declaration(type="") for each in self._parameters if each not in inputs}
        spec = Spec(
            inputs=inputs | undeclared,
            outputs=_declarations(self._component.get("outputDefinitions", {})),
        )
        command = [*self._container["command"], *self._container["args"]]
        variables = {each["name"]: each["value"] for each in self._container.get("env", ())}
        return launcher.run_command(
            self._name, spec, command, self._parameters, variables, **self._artifacts
        )


def _claims(platforms: list[Object], executor: str) -> list[str]:
    return [
        mount["constant"]
        for platform in platforms
        for mount in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        .get(executor, {})
        .get("pvcMount", ())
    ]


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
            type=_type(each["artifactType"]),
            optional=each.get("isOptional", False),
        )
        for name, each in definitions.get("artifacts", {}).items()
    }
    return parameters | artifacts


def _type(artifact_type: Object) -> str:
    schema = artifact_type.get("instanceSchema")  # on Vertex AI, for types of others
    title = yaml.safe_load(schema)["title"] if schema else artifact_type["schemaTitle"]
    return f"{title}@{artifact_type.get('schemaVersion', '0.0.1')}"


def _value(source: Object, values: Object, done: Mapping[str, Outcome]) -> Any:
    ((kind, what),) = source.items()
    if kind == "runtimeValue":
        constant = delivered(what["constant"])
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
