"""Runs a compiled pipeline on this machine by the rules of Kubeflow's driver and launcher.

The rules for inputs and outputs of tasks are from `backend/src/v2/driver` and
`backend/src/v2/component` of Kubeflow Pipelines 2.17: checks and conversions of types, missing
inputs of a DAG, values collected from loops, the status for an exit task. Results of a real
Kubeflow are in `tests/fixtures/kubeflow_cases`, and a test compares this module with them. Objects
are in a directory, so URIs are paths. Retries, caches and pods are left out.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.ir import cel, specs
from headrace.ir.values import select
from headrace_components.contract.templates import to_text, whole_numbers
from support.launcher.entry_points import mlmd_value, protobuf_value
from support.launcher.kubeflow_words import delivered, started

Values = dict[str, Any]

_ARTIFACTS = dict[str, list[dict[str, Any]]]
_KINDS: Mapping[str, type] = {
    "NUMBER_INTEGER": float,
    "NUMBER_DOUBLE": float,
    "BOOLEAN": bool,
    "LIST": list,
    "STRUCT": dict,
    "TASK_FINAL_STATUS": dict,
}
_NAMES = {str: "string", float: "number", bool: "bool", list: "list", dict: "struct"}


class DriverError(Exception):
    """The end of the log of a driver's or a task's pod."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """The result of a run.

    Attributes:
        state: SUCCEEDED or FAILED, as in the API.
        failed: Why tasks failed, by their paths.
        lines: The lines that tasks wrote into their journal, sorted.
    """

    state: str
    failed: dict[str, str]
    lines: list[str]


@dataclass
class _Execution:
    """A task: with `rounds` a loop, with `tasks` a DAG, else a container or an importer."""

    state: str
    component: dict[str, Any]
    parameters: Values = field(default_factory=dict)
    artifacts: _ARTIFACTS = field(default_factory=dict)
    tasks: "dict[str, _Execution] | None" = None
    rounds: "list[_Execution] | None" = None


@dataclass(frozen=True)
class _Inputs:
    parameters: Values
    artifacts: _ARTIFACTS


def run(
    spec: Mapping[str, Any],
    directory: Path,
    parameters: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Runs a pipeline whose containers start `python` or `sh`.

    Args:
        spec: The first document that `headrace compile --target kubeflow` writes.
        directory: The directory of all files, including the journal of tasks.
        parameters: Values of the run.
        environment: Variables of every task.
    """
    return _Run(spec, directory, environment or {}).run(parameters or {})


class _Run:
    def __init__(self, spec: Mapping[str, Any], directory: Path, env: Mapping[str, str]) -> None:
        self._spec = spec
        self._directory = directory
        self._journal = directory / "journal.txt"
        self._environment = {**env, "JOURNAL": str(self._journal)}
        self._failed: dict[str, str] = {}
        self._imported: list[tuple[dict[str, Any], Any]] = []
        self._programs = directory / "bin"

    def run(self, parameters: Mapping[str, Any]) -> Ran:
        self._programs.mkdir(parents=True)
        shim = self._programs / "python3"
        # The packages that a lightweight component would install are already here.
        shim.write_text(
            f'#!/bin/sh\n[ "$1 $2" = "-m pip" ] && exit 0\nexec {sys.executable} "$@"\n', "utf-8"
        )
        shim.chmod(0o755)
        for name in ("python", "pip"):
            (self._programs / name).symlink_to(shim)
        root = self._spec["root"]
        given: Values = {}
        for name, definition in specs.parameters(root).items():
            value = parameters.get(name, definition.get("defaultValue"))
            given[name] = delivered(protobuf_value(value))  # null if there is none
        execution = self._dag((), root, _Inputs(given, {}))
        journal = self._journal.read_text("utf-8").splitlines() if self._journal.exists() else []
        failed = execution.state == "FAILED"
        return Ran(
            state="FAILED" if failed else "SUCCEEDED", failed=self._failed, lines=sorted(journal)
        )

    def _dag(self, path: tuple[str, ...], component: dict[str, Any], inputs: _Inputs) -> _Execution:
        tasks = component["dag"]["tasks"]
        execution = _Execution("RUNNING", component, tasks={})
        assert execution.tasks is not None
        left = dict(sorted(tasks.items()))
        while left:
            name = next(n for n in left if not set(specs.upstream(left[n])) & set(left))
            task = left.pop(name)
            execution.tasks[name] = self._task((*path, name), task, execution, inputs)
        states = [each.state for each in execution.tasks.values()]
        if "FAILED" in states:
            execution.state = "FAILED"
        elif any(state == "COMPLETE" for state in states):
            execution.state = "COMPLETE"  # with skipped tasks alone it stays RUNNING
        return execution

    def _task(
        self, path: tuple[str, ...], task: dict[str, Any], dag: _Execution, around: _Inputs
    ) -> _Execution:
        component = self._spec["components"][task["componentRef"]["name"]]
        policy = task.get("triggerPolicy", {})
        assert dag.tasks is not None
        before = [dag.tasks[name].state for name in specs.upstream(task)]
        if "strategy" not in policy and any(s in ("FAILED", "OMITTED", "SKIPPED") for s in before):
            return _Execution("OMITTED", component)
        try:
            inputs = self._resolve(path, task, component, dag, around)
            condition = policy.get("condition")
            if condition and not cel.evaluate(condition, inputs.parameters, {}, "driver"):
                return _Execution("SKIPPED", component)
            if "parameterIterator" in task:
                return self._loop(path, task, component, inputs)
            if "dag" in component:
                return self._dag(path, component, inputs)
            executor = specs.executor_of(self._spec, component)
            if "importer" in executor:
                return self._import(executor["importer"], task, component, around)
            return self._container(path, executor["container"], component, inputs)
        except Exception as error:  # a crash of the driver also fails the task
            self._failed["/".join(path)] = str(error)
            return _Execution("FAILED", component)

    def _loop(
        self,
        path: tuple[str, ...],
        task: dict[str, Any],
        component: dict[str, Any],
        inputs: _Inputs,
    ) -> _Execution:
        iterator = task["parameterIterator"]
        given = dict(inputs.parameters)
        if "raw" in iterator["items"]:
            items = delivered(protobuf_value(json.loads(iterator["items"]["raw"])))
        else:
            items = given.pop(iterator["items"]["inputParameter"])
        items = protobuf_value(json.loads(items)) if isinstance(items, str) else items
        if not isinstance(items, list):
            raise DriverError(f"value of type {type(items)} cannot be iterated")
        rounds = []
        for number, item in enumerate(items):
            values = {**given, iterator["itemInput"]: item}
            where = (*path, str(number))
            try:
                known = _checked(values, component, {iterator["items"].get("inputParameter")})
            except DriverError as error:
                self._failed["/".join(where)] = str(error)
                rounds.append(_Execution("FAILED", component))
                continue
            rounds.append(self._dag(where, component, _Inputs(known, inputs.artifacts)))
        failed = any(each.state == "FAILED" for each in rounds)
        return _Execution("FAILED" if failed else "COMPLETE", component, rounds=rounds)

    def _resolve(
        self,
        path: tuple[str, ...],
        task: dict[str, Any],
        component: dict[str, Any],
        dag: _Execution,
        around: _Inputs,
    ) -> _Inputs:
        declared = specs.parameters(component)
        sources = specs.parameter_inputs(task)
        item = task.get("parameterIterator", {}).get("itemInput")
        values: Values = {}
        null: set[str | None] = {item}
        if "dag" in component:
            for name, definition in declared.items():
                if name not in sources and definition.get("isOptional"):
                    values[name] = protobuf_value(definition.get("defaultValue"))
                    null.add(name)
        for name, source in sources.items():
            value = self._parameter(path, source, dag, around)
            if value is not None or "taskOutputParameter" in source:
                values[name] = value
            elif not declared.get(name, {}).get("isOptional"):
                raise DriverError(f"the resolved input parameter is null: {name}")
        for name, source in sources.items():
            selector = source.get("parameterExpressionSelector")
            if selector:
                text = to_text(values[name])
                values[name] = protobuf_value(select(text, selector, "driver"))
        artifacts = {}
        for name, source in specs.artifact_inputs(task).items():
            outer = source.get("componentInputArtifact")
            if outer is None:
                output = source["taskOutputArtifact"]
                artifacts[name] = _output(
                    dag, output["producerTask"], output["outputArtifactKey"], artifact=True
                )
            elif outer not in around.artifacts:
                raise DriverError(f"parent DAG does not have input artifact {outer}")
            else:
                artifacts[name] = around.artifacts[outer]
        return _Inputs(_checked(values, component, null), artifacts)

    def _parameter(
        self,
        path: tuple[str, ...],
        source: Mapping[str, Any],
        dag: _Execution,
        around: _Inputs,
    ) -> Any:
        if "runtimeValue" in source:
            constant = delivered(source["runtimeValue"]["constant"])
            known = {
                "{{$.pipeline_job_name}}": "run-1",
                "{{$.pipeline_job_resource_name}}": "run-1-x",
                "{{$.pipeline_job_uuid}}": "1",
                "{{$.pipeline_task_name}}": path[-1],
            }
            if isinstance(constant, str):
                return known.get(constant, constant)
            return protobuf_value(constant)
        if "componentInputParameter" in source:
            outer = source["componentInputParameter"]
            if outer not in around.parameters:
                raise DriverError(f"parent DAG does not have input parameter {outer}")
            return around.parameters[outer]
        if "taskFinalStatus" in source:
            assert dag.tasks is not None
            producer = source["taskFinalStatus"]["producerTask"]
            return {
                "state": dag.tasks[producer].state,
                "pipelineTaskName": producer,
                "pipelineJobResourceName": "run-1-x",
                "error": {},
            }
        output = source["taskOutputParameter"]
        return _output(dag, output["producerTask"], output["outputParameterKey"], artifact=False)

    def _import(
        self,
        importer: Mapping[str, Any],
        task: dict[str, Any],
        component: dict[str, Any],
        around: _Inputs,
    ) -> _Execution:
        uri = importer["artifactUri"].get("constant")
        if uri is None:
            source = specs.parameter_inputs(task)[importer["artifactUri"]["runtimeParameter"]]
            # It only looks in the inputs of the DAG around it.
            outer = source.get("componentInputParameter", "")
            if outer not in around.parameters:
                raise DriverError(f"parent DAG does not have input parameter {outer}")
            uri = around.parameters[outer]
        metadata = {name: mlmd_value(v) for name, v in importer.get("metadata", {}).items()}
        artifact = {"name": "1", "type": {"instanceSchema": ""}, "uri": uri, "metadata": metadata}
        if not importer.get("reimport"):
            artifact = self._imported_before(artifact, importer["typeSchema"])
        (port,) = component["outputDefinitions"]["artifacts"]
        return _Execution("COMPLETE", component, artifacts={port: [artifact]})

    def _imported_before(self, artifact: dict[str, Any], kind: Any) -> dict[str, Any]:
        """Returns an artifact with the URI and at least this metadata, or a new one."""
        for found, other in self._imported:
            same = found["uri"] == artifact["uri"] and other == kind
            if same and artifact["metadata"].items() <= found["metadata"].items():
                return found
        self._imported.append((artifact, kind))
        return artifact

    def _container(
        self,
        path: tuple[str, ...],
        container: Mapping[str, Any],
        component: dict[str, Any],
        inputs: _Inputs,
    ) -> _Execution:
        place = self._directory / "tasks" / "-".join(path)
        message = _message(component, inputs, place)
        words = list(container.get("command", ()))
        for argument in container.get("args", ()):
            words += _argument(argument, message)
        variables = {each["name"]: each.get("value", "") for each in container.get("env", ())}
        result = subprocess.run(
            started(words, message, variables, Path("/")),
            env={
                **os.environ,
                **self._environment,
                **variables,
                "PATH": f"{self._programs}:{os.environ['PATH']}",
            },
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode:
            last = result.stdout.strip().splitlines()[-1:] or [""]
            raise DriverError(f"exit status {result.returncode}: {last[0]}")
        return _published(component, message, place)


def _message(component: Mapping[str, Any], inputs: _Inputs, place: Path) -> dict[str, Any]:
    """Returns an ExecutorInput: protojson, which leaves out what is empty."""
    outputs = component.get("outputDefinitions", {})
    place.mkdir(parents=True)
    values = dict(inputs.parameters)
    for name, definition in specs.parameters(component).items():  # by the launcher
        if name not in values and "defaultValue" in definition:
            values[name] = protobuf_value(definition["defaultValue"])
    given: dict[str, Any] = {"parameterValues": whole_numbers(values)}
    if inputs.artifacts:
        given["artifacts"] = {k: {"artifacts": v} for k, v in inputs.artifacts.items()}
    artifacts = {"executor-logs": "system.Artifact"}
    for name, definition in outputs.get("artifacts", {}).items():
        artifacts[name] = definition["artifactType"].get("schemaTitle", "")
    return {
        "inputs": given,
        "outputs": {
            "parameters": {
                name: {"outputFile": str(place / "parameters" / name)}
                for name in outputs.get("parameters", {})
            },
            "artifacts": {
                name: {
                    "artifacts": [
                        {"name": name, "type": {"schemaTitle": kind}, "uri": str(place / name)}
                    ]
                }
                for name, kind in artifacts.items()
            },
            "outputFile": str(place / "output_metadata.json"),
        },
    }


def _argument(argument: Any, message: Mapping[str, Any]) -> list[str]:
    """Returns an argument with IfPresent decided: the driver only looks at parameters."""
    if isinstance(argument, list):
        return [word for part in argument for word in _argument(part, message)]
    if isinstance(argument, str) and argument.startswith('{"IfPresent"'):
        argument = json.loads(argument)
    values = message["inputs"]["parameterValues"]
    if isinstance(argument, Mapping):
        choice = argument["IfPresent"]
        return _argument(
            choice["Then"] if choice["InputName"] in values else choice.get("Else", []), message
        )
    for name in specs.referenced_parameters(argument):
        if name not in values:
            raise DriverError(f'parameter "{name}" not found in executor input')
    return [argument]


def _published(component: dict[str, Any], message: dict[str, Any], place: Path) -> _Execution:
    file = place / "output_metadata.json"
    told = json.loads(file.read_text("utf-8")) if file.exists() else {}
    outputs = component.get("outputDefinitions", {})
    values: Values = {}
    for name, definition in outputs.get("parameters", {}).items():
        if name in told.get("parameterValues", {}):
            values[name] = protobuf_value(told["parameterValues"][name])
            continue
        path = Path(message["outputs"]["parameters"][name]["outputFile"])
        if not path.exists():
            raise DriverError(f'failed to read output parameter name="{name}"')
        values[name] = _read(path.read_text("utf-8"), definition["parameterType"])
    artifacts = {}
    for name in outputs.get("artifacts", {}):
        announced = message["outputs"]["artifacts"][name]["artifacts"][0]
        (entry, *_) = told.get("artifacts", {}).get(name, {}).get("artifacts") or [{}]
        entry = {**announced, **entry}
        metadata = {key: mlmd_value(each) for key, each in entry.get("metadata", {}).items()}
        metadata["display_name"] = name
        artifacts[name] = [{**entry, "type": {"instanceSchema": ""}, "metadata": metadata}]
    return _Execution("COMPLETE", component, parameters=values, artifacts=artifacts)


def _read(text: str, kind: str) -> Any:
    if kind == "STRING":
        return text
    if kind == "BOOLEAN":
        return {"true": True, "True": True, "false": False, "False": False}[text]
    return protobuf_value(float(text) if kind.startswith("NUMBER") else json.loads(text))


def _output(dag: _Execution, producer: str, key: str, *, artifact: bool) -> Any:
    """Returns an output of a sibling task, through the DAGs that pass it on."""
    assert dag.tasks is not None
    current = dag.tasks[producer]
    while True:
        if current.rounds is not None:
            if not current.rounds:
                inner, _ = _producer(current.component, {}, key, artifact=artifact)
                raise DriverError(f"subTaskName, {inner}, not in tasks")
            return _collected(current, key, artifact=artifact)
        if current.tasks is None:
            return current.artifacts[key] if artifact else current.parameters.get(key)
        inner, key = _producer(current.component, current.tasks, key, artifact=artifact)
        current = current.tasks[inner]


def _producer(
    component: Mapping[str, Any], tasks: Mapping[str, _Execution], key: str, *, artifact: bool
) -> tuple[str, str]:
    outputs = component["dag"]["outputs"]
    if artifact:
        selectors = outputs["artifacts"][key]["artifactSelectors"]
        ran = [s for s in selectors if tasks and tasks[s["producerSubtask"]].state == "COMPLETE"]
        last = (ran or selectors)[-1]
        return last["producerSubtask"], last["outputArtifactKey"]
    source = outputs["parameters"][key]
    one = source.get("valueFromParameter")
    for selector in [one] if one else source["valueFromOneof"]["parameterSelectors"]:
        state = tasks[selector["producerSubtask"]].state if tasks else "COMPLETE"
        if one or state in ("COMPLETE", "FAILED"):
            return selector["producerSubtask"], selector["outputParameterKey"]
    raise DriverError("processing OneOf: No successful task found")


def _collected(loop: _Execution, key: str, *, artifact: bool) -> list[Any]:
    found: list[Any] = []
    for each in loop.rounds or ():
        current, wanted = each, key
        while current.tasks is not None:
            inner, wanted = _producer(current.component, current.tasks, wanted, artifact=artifact)
            current = current.tasks[inner]
            if current.state == "SKIPPED":
                raise DriverError("invalid memory address or nil pointer dereference")
        if current.rounds is not None:
            inside = _collected(current, wanted, artifact=artifact)
            # Artifacts and parameters of loops in loops are in one list.
            found += inside
        else:
            found += current.artifacts[wanted] if artifact else [current.parameters[wanted]]
    return found


def _checked(values: Values, component: Mapping[str, Any], passed: set[str | None]) -> Values:
    """Returns parameters like the driver passes them on: it only converts values to text."""
    found = dict(values)
    for name, definition in specs.parameters(component).items():
        if name in passed and found.get(name) is None:
            continue
        if name not in found:
            if not definition.get("isOptional") and "defaultValue" not in definition:
                raise DriverError(
                    f'neither value nor default value provided for non-optional parameter "{name}"'
                )
            continue
        kind, value = definition["parameterType"], found[name]
        if kind == "STRING":
            # A failed task has no outputs, and the text for no value is empty.
            found[name] = "" if value is None else to_text(value)
            continue
        if not isinstance(value, _KINDS[kind]):
            raise DriverError(
                f'input parameter "{name}" type mismatch: expect {kind}, '
                f"got {_NAMES.get(type(value), 'null')}"
            )
    return found
