"""The parameter values that components of a compiled pipeline read, on each backend.

These are Headrace's own and lightweight Python components; the latter run up to the command that
kfp wrote. Tasks of other components run nothing: their outputs are given.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from headrace.compilation.compiler import compile_for
from headrace.compilation.passes.templates import fills_in
from headrace.frontend.loading import load
from headrace.ir import specs
from headrace.ir.values import select
from headrace.ir.view import ComponentSpec, Pipeline, TaskSpec
from headrace.profiles.caching import Caching
from headrace.targets.local.execution.inputs import loop_items, resolve
from headrace.targets.local.execution.placeholders import Context
from headrace.targets.local.shared.pipelines import checked_pipeline
from headrace.targets.local.shared.results import TaskInputs, TaskResult
from headrace.targets.local.shared.rules import RULES
from headrace_components.contract.task import Task
from headrace_components.contract.templates import to_text
from support.cases.conformance_features import PROFILE
from support.launcher import kubeflow_words
from support.launcher.entry_points import placed

RUN = {"pipeline_job_name": "run-1", "pipeline_job_resource_name": "run-1"}

Values = dict[str, Any]

_SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))"

_KINDS: Mapping[str, Any] = {
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": bool,
    "LIST": list,
    "STRUCT": dict,
}


def received(
    pipeline: Any, target: str, parameters: Values, outputs: Mapping[str, Values] | None = None
) -> dict[str, Values]:
    """Returns the parameters of tasks whose components fill in templates, after filling them in.

    Args:
        pipeline: A pipeline.
        target: The target that it runs on.
        parameters: Values of its parameters, all of them.
        outputs: The outputs, by task and output.
    """
    # Otherwise the fingerprint tasks before components would also be compared.
    profile = replace(PROFILE, caching=Caching(input_fingerprint="off"))
    document = compile_for(load(pipeline), target, profile).document
    spec = checked_pipeline(document.get("pipelineSpec", document))
    walk = _Walk(spec, target, outputs or {})
    return dict(walk.tasks(spec.root, (), parameters))


class _Walk:
    def __init__(self, spec: Pipeline, target: str, outputs: Mapping[str, Values]) -> None:
        self._spec, self._target, self._outputs = spec, target, outputs

    def tasks(
        self, dag: ComponentSpec, path: tuple[str, ...], scope: Values
    ) -> Iterator[tuple[str, Values]]:
        for name, task in dag.tasks.items():
            component = self._spec.component(task.component)
            label = (*path, name)
            if task.iterator is None:
                yield from self._task(label, task, component, scope)
                continue
            given = self._inputs(label, task, component, scope)
            raw = task.iterator["items"].get("raw")
            listed = {**task.iterator, "items": {"raw": json.loads(raw)}} if raw else task.iterator
            name = task.iterator["itemInput"]
            for number, item in enumerate(loop_items(listed, TaskInputs(parameters=given), "loop")):
                inside = self._declared({**given, name: _doubles(item)}, component, {})
                yield from self.tasks(component, (*label, str(number)), inside)

    def _task(
        self, label: tuple[str, ...], task: TaskSpec, component: ComponentSpec, scope: Values
    ) -> Iterator[tuple[str, Values]]:
        container = component.container
        if not component.is_dag and not fills_in(container):
            return
        given = self._inputs(label, task, component, scope)
        if component.is_dag:
            yield from self.tasks(component, label, given)
            return
        message = {
            "inputs": {"parameterValues": given, "artifacts": {}},
            "outputs": {"outputFile": "/tmp/output.json"},
        }
        if specs.is_python_component(container):
            yield "/".join(label), _told_to_kfp(self._words(container, message))
            return
        word = self._words({"args": ["{{$}}"]}, message)[0]
        yield "/".join(label), dict(Task.from_json(word, component.headrace_name or "").params)

    def _words(self, container: Mapping[str, Any], message: Mapping[str, Any]) -> list[str]:
        words = [*container.get("command", []), *container["args"]]
        if self._target == "local":
            return [json.dumps(message) if word == "{{$}}" else word for word in words]
        if self._target == "kubeflow":
            return kubeflow_words.started(words, message, {"HOME": "/root"}, Path("/"))
        return [placed(word, message) for word in words]

    def _inputs(
        self, label: tuple[str, ...], task: TaskSpec, component: ComponentSpec, scope: Values
    ) -> Values:
        told = {**RUN, "pipeline_task_name": label[-1]}
        if self._target != "local":
            values = {
                name: self._driven(source, scope, told) for name, source in task.parameters.items()
            }
            doubles = {name: _doubles(value) for name, value in values.items()}
            return self._declared(doubles, component, task.iterator or {})
        upstream = {
            name: TaskResult(state="succeeded", parameters=self._outputs.get(name, {}))
            for name in task.upstream
        }
        context = Context(task="/".join(label), pipeline=told)
        inputs = TaskInputs(parameters=scope)
        return dict(_resolved(task, component, inputs, upstream, context).parameters)

    def _declared(
        self, values: Values, component: ComponentSpec, iterator: Mapping[str, Any]
    ) -> Values:
        """Returns values like the driver passes them on: it only converts values to text."""
        found = dict(values)
        for name, definition in component.input_parameters.items():
            if name == iterator.get("itemInput") or name not in found:
                continue
            kind, value = definition["parameterType"], found[name]
            if kind == "STRING":
                found[name] = to_text(value)
            elif not isinstance(value, _KINDS.get(kind, object)):
                raise TypeError(f"input parameter {name!r} type mismatch: {kind}, got {value!r}")
        return found

    def _driven(self, source: Mapping[str, Any], scope: Values, told: Mapping[str, str]) -> Any:
        if "runtimeValue" in source:
            constant = source["runtimeValue"]["constant"]
            if self._target == "kubeflow":
                constant = kubeflow_words.delivered(constant)
            if isinstance(constant, str) and constant.startswith("{{$.pipeline_"):
                return told.get(constant[4:-2], constant)
            return constant
        if "taskOutputParameter" in source:
            output = source["taskOutputParameter"]
            value = self._outputs[output["producerTask"]][output["outputParameterKey"]]
        else:
            value = scope[source["componentInputParameter"]]
        selector = source.get("parameterExpressionSelector")
        if selector is None:
            return value
        text = value if isinstance(value, str) else json.dumps(value)
        return select(text, selector, "driver")


def _told_to_kfp(words: list[str]) -> Values:
    """Returns the parameters that kfp's executor is started with; the filler runs for real."""
    at = words.index("--executor_input")
    if words[0] == "python3":
        shown = [sys.executable, "-c", _SHOW]
        started = [sys.executable, *words[1:3], *shown, *words[at:]]
        found = subprocess.run(started, capture_output=True, text=True, check=False)
        if found.returncode:
            raise RuntimeError(found.stderr)
        words, at = json.loads(found.stdout), 0
    values: Values = json.loads(words[at + 1])["inputs"]["parameterValues"]
    return values


def _resolved(
    task: TaskSpec,
    component: ComponentSpec,
    scope: TaskInputs,
    upstream: Mapping[str, TaskResult],
    context: Context,
) -> TaskInputs:
    item = (task.iterator or {}).get("itemInput")  # only of the iterator
    declared = {
        name: definition for name, definition in component.input_parameters.items() if name != item
    }
    body = {**component.body, "inputDefinitions": {"parameters": declared}}
    bare = ComponentSpec(name=component.name, body=body, executor=component.executor)
    return resolve(task, bare, scope, upstream, context, RULES["kubeflow"])


def _doubles(value: Any) -> Any:
    """Returns JSON data like protobuf's Struct, with one type of number."""
    if isinstance(value, Mapping):
        return {key: _doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_doubles(item) for item in value]
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_integer else value
