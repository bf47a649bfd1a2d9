"""Executes the IR: DAGs, conditions, loops, exit handlers. Every task is a separate coroutine.

A task waits for those before it and runs as soon as they have ended. By the rules of KFP, a task
only runs if all tasks before it succeeded. A task whose condition is false is skipped, and so are
the tasks that depend on it. An exit task, and a task that ignores failures upstream, runs in every
case. A DAG has failed if one of its tasks failed; the others still finish. Whether exit tasks count
depends on the backend whose rules the run keeps.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from headrace.ir import cel
from headrace.ir.task_names import TaskNames
from headrace.ir.view import ComponentSpec, Pipeline, TaskSpec
from headrace.targets.local.execution import inputs
from headrace.targets.local.execution.leaf import ReadyTask
from headrace.targets.local.execution.placeholders import Context
from headrace.targets.local.execution.run_part import RunPart
from headrace.targets.local.shared.results import (
    RuntimeArtifact,
    TaskFailure,
    TaskInputs,
    TaskResult,
)
from headrace.targets.local.shared.rules import Rules
from headrace_components.contract.errors import ComponentError

_Futures = dict[str, asyncio.Task[TaskResult]]

# Sources from which Kubeflow's driver cannot collect, and the way out.
_NOTHING = (
    "a loop over nothing, for which Kubeflow fails. Give the list an item, put the loop and what "
    "collects from it into dsl.If"
)
_SKIPPED = (
    "a task that a round of its loop skipped, for which Kubeflow's driver crashes. Give the "
    "condition a dsl.Else, have a task take the dsl.OneOf of both and collect its output"
)


class Leaves(Protocol):
    """Runs the tasks that are not DAGs."""

    async def run(self, job: ReadyTask) -> TaskResult:
        """Returns the result of a task."""

    def skip(self, name: str, reason: str) -> None:
        """Hears of a task that does not run."""

    def fail(self, name: str, failure: TaskFailure, seconds: float = 0.0) -> TaskResult:
        """Hears of a task that failed before it could start, and returns its result."""


class PipelineInterpreter:
    """Runs one pipeline.

    Args:
        spec: The pipeline.
        leaves: Runs the tasks that are not DAGs.
        pipeline: Values of the pipeline's placeholders, such as `pipeline_job_name`.
        rules: Those of the backend that the run is like.
        names: The names of its tasks.
        part: The part that runs; None for the whole pipeline.
    """

    def __init__(
        self,
        spec: Pipeline,
        leaves: Leaves,
        pipeline: Mapping[str, str],
        rules: Rules,
        names: TaskNames,
        part: RunPart | None = None,
    ) -> None:
        self._part = part
        self._spec = spec
        self._names = names
        self._leaves = leaves
        self._pipeline = pipeline
        self._rules = rules

    async def run(self, inputs: TaskInputs) -> TaskResult:
        """Runs the pipeline with the given parameters and artifacts."""
        return await self._dag(self._spec.root, (), inputs)

    async def _dag(
        self, dag: ComponentSpec, path: tuple[str, ...], scope: TaskInputs
    ) -> TaskResult:
        futures: _Futures = {}
        for name, task in dag.tasks.items():
            futures[name] = asyncio.create_task(self._task(task, (*path, name), scope, futures))
        results = dict(zip(futures, await asyncio.gather(*futures.values()), strict=True))
        failures = [
            result.failure
            for name, result in results.items()
            if result.state == "failed" and self._counts(dag.tasks[name])
        ]
        return TaskResult(
            state="failed" if failures else "succeeded",
            parameters=_dag_parameters(dag, results),
            artifacts=_dag_artifacts(dag, results),
            failure=failures[0] if failures else None,
            ran_nothing=all(
                each.state == "skipped" or each.ran_nothing for each in results.values()
            ),
            uncollected=_dag_uncollected(dag, results),
        )

    def _counts(self, task: TaskSpec) -> bool:
        return self._rules.counts_exit_tasks or not task.runs_after_failure

    async def _task(
        self, task: TaskSpec, path: tuple[str, ...], scope: TaskInputs, futures: _Futures
    ) -> TaskResult:
        if self._is_left_out(task, path):
            return self._skip(task, path, "it is not in the part that runs", None)
        upstream = {name: await futures[name] for name in task.upstream}
        if not task.runs_after_failure:
            for name, result in upstream.items():
                if result.state != "succeeded":
                    failure = result.failure
                    reason = f"{failure.task} failed" if failure else f"{name} was skipped"
                    return self._skip(task, path, reason, failure)
        name = self._names.node(path)
        context = Context(
            task=name,
            pipeline={
                **self._pipeline,
                "pipeline_task_name": path[-1],
                "pipeline_task_uuid": f"{self._pipeline['pipeline_job_uuid']}/{'/'.join(path)}",
            },
        )
        try:
            return await self._ready(task, path, scope, upstream, context)
        except ComponentError as error:
            # If this cannot be decided or resolved, only this task fails; others go on.
            return self._leaves.fail(name, TaskFailure.of(error, name, None))

    def _is_left_out(self, task: TaskSpec, path: tuple[str, ...]) -> bool:
        is_dag = self._spec.component(task.component).is_dag
        return self._part is not None and not is_dag and self._part.leaves_out(path)

    async def _ready(
        self,
        task: TaskSpec,
        path: tuple[str, ...],
        scope: TaskInputs,
        upstream: Mapping[str, TaskResult],
        context: Context,
    ) -> TaskResult:
        component = self._spec.component(task.component)
        # The item of a loop is an input of the component that only an iteration has.
        declared = _without_item(component, task) if task.iterator else component
        resolved = inputs.resolve(task, declared, scope, upstream, context, self._rules)
        if task.condition and not cel.evaluate(
            task.condition,
            resolved.parameters,
            {port: [a.metadata for a in found] for port, found in resolved.artifacts.items()},
            context.task,
        ):
            return self._skip(task, path, "its condition does not hold", None)
        if task.iterator is None:
            return await self._once(task, component, path, resolved, context)
        return await self._loop(task, component, path, resolved, context)

    async def _once(
        self,
        task: TaskSpec,
        component: ComponentSpec,
        path: tuple[str, ...],
        resolved: TaskInputs,
        context: Context,
    ) -> TaskResult:
        if component.is_dag:
            policy = task.body.get("retryPolicy")
            dag = component.retried(policy) if policy else component
            return await self._dag(dag, path, resolved)
        return await self._leaves.run(
            ReadyTask(
                name=self._names.node(path),
                key="/".join(path),
                directory=self._names.directory(path),
                is_reused=self._part is not None and self._part.reuses(path),
                spec=task,
                component=component,
                inputs=resolved,
                context=context,
            )
        )

    async def _loop(
        self,
        task: TaskSpec,
        component: ComponentSpec,
        path: tuple[str, ...],
        resolved: TaskInputs,
        context: Context,
    ) -> TaskResult:
        iterator = task.iterator or {}
        items: Sequence[Any] = (
            resolved.artifacts.get(iterator["items"]["inputArtifact"], ())
            if task.is_over_artifacts
            else inputs.loop_items(iterator, resolved, context.task)
        )
        slots = asyncio.Semaphore(task.parallelism_limit or max(len(items), 1))

        async def iteration(index: int, item: Any) -> TaskResult:
            here = (*path, str(index))
            where = "/".join(here)
            if task.is_over_artifacts:
                artifacts = {**resolved.artifacts, iterator["itemInput"]: (item,)}
                typed = replace(resolved, artifacts=artifacts)
            else:
                values = {**resolved.parameters, iterator["itemInput"]: item}
                typed = replace(
                    resolved,
                    parameters=inputs.of_iteration(values, iterator["itemInput"], component, where),
                )
            async with slots:
                return await self._once(task, component, here, typed, replace(context, task=where))

        results = await asyncio.gather(*(iteration(i, item) for i, item in enumerate(items)))
        failures = [result.failure for result in results if result.state == "failed"]
        return TaskResult(
            state="failed" if failures else "succeeded",
            parameters={
                name: self._collect(component, name, results)
                for name in component.output_parameters
            },
            artifacts={
                port: tuple(a for result in results for a in result.artifacts.get(port, ()))
                for port in component.output_artifacts
            },
            failure=failures[0] if failures else None,
            uncollected={} if self._rules.collects_nothing else _uncollected(component, results),
        )

    def _collect(
        self, component: ComponentSpec, name: str, rounds: Sequence[TaskResult]
    ) -> list[Any]:
        found = [each.parameters[name] for each in rounds if name in each.parameters]
        if self._rules.flattens_loops and self._is_of_loop(component, name):
            return [value for values in found for value in values]
        return found

    def _is_of_loop(self, dag: ComponentSpec, name: str) -> bool:
        """Returns whether an output parameter of a DAG is collected from a loop in it."""
        source = dag.dag_outputs.get("parameters", {}).get(name, {})
        one = source.get("valueFromParameter")
        selectors = [one] if one else source.get("valueFromOneof", {}).get("parameterSelectors", [])
        for selector in selectors[:1]:
            task = dag.tasks[selector["producerSubtask"]]
            inner = self._spec.component(task.component)
            is_loop = task.iterator is not None
            return is_loop or (
                inner.is_dag and self._is_of_loop(inner, selector["outputParameterKey"])
            )
        return False

    def _skip(
        self, task: TaskSpec, path: tuple[str, ...], reason: str, failure: TaskFailure | None
    ) -> TaskResult:
        self._report_skipped(task, path, reason)
        return TaskResult(state="skipped", failure=failure)

    def _report_skipped(self, task: TaskSpec, path: tuple[str, ...], reason: str) -> None:
        component = self._spec.component(task.component)
        if not component.is_dag:
            self._leaves.skip(self._names.node(path), reason)
        elif task.iterator is None:  # a loop that did not start has no tasks
            for name, inner in component.tasks.items():
                self._report_skipped(inner, (*path, name), reason)


def _without_item(component: ComponentSpec, task: TaskSpec) -> ComponentSpec:
    kind = "artifacts" if task.is_over_artifacts else "parameters"
    body = dict(component.body)
    definitions = dict(body.get("inputDefinitions", {}))
    inputs_ = dict(definitions.get(kind, {}))
    inputs_.pop((task.iterator or {})["itemInput"], None)
    return replace(component, body={**body, "inputDefinitions": {**definitions, kind: inputs_}})


def _uncollected(component: ComponentSpec, rounds: Sequence[TaskResult]) -> dict[str, str]:
    """Returns which outputs of a loop cannot be collected on Kubeflow, and why."""
    found = {}
    for name in (*component.output_parameters, *component.output_artifacts):
        if not rounds:
            found[name] = _NOTHING
        elif any(_skips(each, name) for each in rounds):
            found[name] = _SKIPPED
    return found


def _skips(one: TaskResult, name: str) -> bool:
    is_there = name in one.parameters or name in one.artifacts
    return one.uncollected.get(name) == _SKIPPED or (one.state == "succeeded" and not is_there)


def _dag_uncollected(dag: ComponentSpec, results: Mapping[str, TaskResult]) -> dict[str, str]:
    found = {}
    for kind, key in (("parameters", "outputParameterKey"), ("artifacts", "outputArtifactKey")):
        for name, source in dag.dag_outputs.get(kind, {}).items():
            one = source.get("valueFromParameter")
            for selector in [one] if one else source.get("artifactSelectors", ()):
                words = results[selector["producerSubtask"]].uncollected.get(selector[key])
                if words:
                    found[name] = words
    return found


def _dag_parameters(dag: ComponentSpec, results: Mapping[str, TaskResult]) -> dict[str, Any]:
    values = {}
    for name, source in dag.dag_outputs.get("parameters", {}).items():
        one = source.get("valueFromParameter")
        selectors = [one] if one else source.get("valueFromOneof", {}).get("parameterSelectors", [])
        for selector in selectors:
            produced = results[selector["producerSubtask"]].parameters
            if selector["outputParameterKey"] in produced:
                values[name] = produced[selector["outputParameterKey"]]
                break
    return values


def _dag_artifacts(
    dag: ComponentSpec, results: Mapping[str, TaskResult]
) -> dict[str, tuple[RuntimeArtifact, ...]]:
    artifacts = {}
    for name, source in dag.dag_outputs.get("artifacts", {}).items():
        selectors: Sequence[Mapping[str, Any]] = source.get("artifactSelectors", ())
        for selector in selectors:
            # Several selectors are a OneOf: of its branches one ran.
            found = results[selector["producerSubtask"]].artifacts.get(
                selector["outputArtifactKey"]
            )
            if found is not None:
                artifacts[name] = found
                break
    return artifacts
