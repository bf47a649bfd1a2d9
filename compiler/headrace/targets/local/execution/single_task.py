"""Runs one task of a run again: what the run left stands for all others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.ir.view import ComponentSpec
from headrace.targets.local.cache.answers import Entry
from headrace.targets.local.execution.leaf import LeafRunner, ReadyTask
from headrace.targets.local.execution.run_part import result_of
from headrace.targets.local.records.store import RunStore
from headrace.targets.local.shared.results import TaskFailure, TaskResult
from headrace_components.contract.errors import InputError


@dataclass(kw_only=True)
class SingleTask:
    """The tasks of a pipeline of which one runs.

    Attributes:
        leaves: Runs it.
        base: The run whose results the others have.
        task: Its name, or its keys.
        values: Returns the parameters that its component gets instead of its own.
        failures: Why tasks of that run failed, by name.
        result: How it ended; None as long as it has not.
        obstacle: Why it could not run.
    """

    leaves: LeafRunner
    base: RunStore
    task: str
    values: Callable[[ComponentSpec], Mapping[str, Any]]
    failures: Mapping[str, str]
    result: TaskResult | None = None
    obstacle: str = ""

    async def run(self, job: ReadyTask) -> TaskResult:
        """Runs the task, and gives the others the results that they have."""
        if self.task in (job.name, job.key):
            self.result = await self.leaves.run_anew(self._ready(job))
            return self.result
        found = result_of(self.base, job.key, job.directory)
        if found is None:
            return self._without_result(job.name)
        try:
            entry = Entry.from_json(found, job.component)
        except ValueError:  # its component has other outputs by now
            return self._without_result(job.name)
        return TaskResult(state="succeeded", parameters=entry.parameters, artifacts=entry.artifacts)

    def skip(self, name: str, reason: str) -> None:
        """Hears why the task cannot run."""
        if name == self.task:
            self.obstacle = reason

    def fail(self, name: str, failure: TaskFailure, seconds: float = 0.0) -> TaskResult:
        """Hears why the task cannot run."""
        del seconds
        if name == self.task:
            self.obstacle = failure.message
        return TaskResult(state="failed", failure=failure)

    def _without_result(self, name: str) -> TaskResult:
        message = self.failures.get(name)
        if message is None:
            return TaskResult(state="skipped")
        failure = TaskFailure(task=name, kind="crash", message=message)
        return TaskResult(state="failed", failure=failure)

    def _ready(self, job: ReadyTask) -> ReadyTask:
        for port, artifacts in job.inputs.artifacts.items():
            for artifact in artifacts:
                path = Path(artifact.uri)
                if path.is_relative_to(self.base.root) and not path.exists():
                    raise InputError(
                        f"its input `{port}` was at {path}, where nothing is now. Run the pipeline "
                        "again: the task that makes it then runs."
                    )
        # One try is what the author wants to see.
        body = {name: value for name, value in job.spec.body.items() if name != "retryPolicy"}
        parameters = {**job.inputs.parameters, **self.values(job.component)}
        return replace(
            job,
            spec=replace(job.spec, body=body),
            inputs=replace(job.inputs, parameters=parameters),
        )
