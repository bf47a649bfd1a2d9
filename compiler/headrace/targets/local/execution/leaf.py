"""Runs one task that is not a DAG: from an earlier attempt, from the cache, or for real."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from headrace.ir.view import ComponentSpec, TaskSpec
from headrace.lineage.verdicts import verdict_of
from headrace.targets.local.cache import answers as caching
from headrace.targets.local.cache.questions import NoAnswer, Question
from headrace.targets.local.execution import executor_input
from headrace.targets.local.execution.deciding import Decisions
from headrace.targets.local.execution.importing import import_artifact
from headrace.targets.local.execution.long_arguments import startable
from headrace.targets.local.execution.placeholders import (
    Context,
    fill,
    fill_arguments,
    fill_constant,
)
from headrace.targets.local.execution.run_part import result_of
from headrace.targets.local.execution.task_notices import TaskNotices
from headrace.targets.local.execution.value_artifacts import write_values
from headrace.targets.local.records.attempt import Attempt
from headrace.targets.local.records.described import Described, described, described_importer
from headrace.targets.local.records.journal import Journal
from headrace.targets.local.records.recorder import Recorder, Unrecorded
from headrace.targets.local.records.store import RunStore, storage_error
from headrace.targets.local.runners.runner import Runner, TaskProcess
from headrace.targets.local.shared.observer import Observer
from headrace.targets.local.shared.results import (
    ArtifactsByPort,
    RuntimeArtifact,
    TaskFailure,
    TaskInputs,
    TaskOutcome,
    TaskResult,
    artifacts_to_json,
)
from headrace.targets.local.shared.rules import Rules
from headrace_components.contract.errors import ComponentError
from headrace_components.contract.progress import VARIABLE, Progress

_DONE_BEFORE = "done before the run was resumed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyTask:
    """One task that is ready to run.

    Attributes:
        name: Its name in reports and lineage.
        key: Its keys in the pipeline and the groups of it; numbers are iterations of loops.
        directory: The path of its directory below that of the run.
        spec: The task.
        component: Its component.
        inputs: Its inputs.
        context: Values of the pipeline's placeholders.
        is_reused: Whether its result is that of the run on which a partial run is based.
    """

    name: str
    key: str
    directory: tuple[str, ...]
    spec: TaskSpec
    component: ComponentSpec
    inputs: TaskInputs
    context: Context
    is_reused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listener:
    """Tells an observer what a task says."""

    name: str
    observer: Observer

    def said(self, line: str) -> None:
        self.observer.task_said(self.name, line)

    def noticed(self, notice: str) -> None:
        self.observer.log(f"{self.name}: {notice}")

    def progressed(self, progress: Progress) -> None:
        self.observer.task_progressed(self.name, progress)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Earlier:
    """The result of a task that an earlier attempt at the run had finished.

    Attributes:
        entry: The outputs.
        identity: The fingerprint of the author's part; None if an earlier version of Headrace did
            not record it.
        is_recorded: Whether lineage and cache have heard of it.
        cache_key: The key for the cache, if the cache does not have the result yet.
        execution: Number of its execution in lineage.
    """

    entry: caching.Entry
    identity: str | None
    is_recorded: bool
    cache_key: str | None
    execution: int | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any], component: ComponentSpec) -> "_Earlier":
        """Reads `result.json`. Raises ValueError if it is damaged."""
        if not isinstance(data.get("is_recorded"), bool):
            raise ValueError("it lacks `is_recorded`")
        if not isinstance(data.get("identity", ""), str):
            raise ValueError("its `identity` is not a text")
        return cls(
            entry=caching.Entry.from_json(data, component),
            identity=data.get("identity"),
            is_recorded=data["is_recorded"],
            cache_key=data.get("cache_key"),
            execution=data.get("execution"),
        )


class LeafRunner:
    """Runs the tasks of one run, as many at a time as there are slots.

    Args:
        directory: The directory that the run was started in.
        store: The run's directory.
        cache: The cache of the root.
        use_cache: Whether it may answer; it is filled in any case.
        runner: Starts processes.
        recorder: Records executions.
        journal: Notes how each task went.
        observer: Its methods are called for every task.
        components: Components of Headrace, each once, in the order in which they may run.
        concurrency: How many tasks may run at once.
        rules: Those of the backend that the run is like.
        is_confined: Whether tasks run in containers.
        base: The run whose results tasks outside of a partial run take; None if there is none.
    """

    def __init__(
        self,
        *,
        directory: Path,
        store: RunStore,
        cache: caching.Cache,
        use_cache: bool,
        runner: Runner,
        recorder: Recorder | Unrecorded,
        journal: Journal,
        observer: Observer,
        components: Sequence[str],
        concurrency: int,
        rules: Rules,
        is_confined: bool = False,
        base: RunStore | None = None,
    ) -> None:
        self._base = base
        self.outcomes: list[TaskOutcome] = []
        self.failures: list[TaskFailure] = []
        self._directory = directory
        self._store = store
        self._cache = cache
        self._use_cache = use_cache
        self._runner = runner
        self._recorder = recorder
        self._journal = journal
        self._decisions = Decisions(store)
        self._observer = observer
        self._components = list(components)
        self._rules = rules
        self._is_confined = is_confined
        self._slots = asyncio.Semaphore(concurrency)
        self._abandoned: list[Attempt] = []

    async def run(self, job: ReadyTask) -> TaskResult:
        """Returns the result of a task, and runs it only if there is no result yet."""
        identity = caching.identity(job.component, job.inputs)
        earlier = self._earlier(job, identity)
        if earlier is not None:
            return self._resumed(job, earlier, identity)
        if job.is_reused:
            return self._reused(job, identity)
        if "importer" in job.component.executor:
            return self._imported(job, identity)
        question = self._cache.question(job.spec, job.component, job.inputs)
        found = self._answer(job, question)
        self._decisions.asked(job.name, question, found)
        if isinstance(found, caching.Entry):
            return self._cached(job, found, identity)
        return await self._run(job, question.key, identity)

    async def run_anew(self, job: ReadyTask) -> TaskResult:
        """Runs a task without a look at earlier results; later tasks do not hear of this one."""
        if "importer" in job.component.executor:
            return self._imported(job, "")
        return await self._run(job, None, "")

    def _answer(self, job: ReadyTask, question: Question) -> caching.Entry | NoAnswer:
        """Returns the answer of the cache."""
        if not self._use_cache:
            return NoAnswer(miss="off")
        if not job.spec.may_be_cached:
            return NoAnswer(miss="refused")
        if question.key is None:
            return NoAnswer(miss="unknown", detail=question.unknown)
        return self._cache.look_up(question.key, job.component)

    def clean_up(self) -> None:
        """Removes the files of interrupted tasks; they must have ended."""
        for attempt in self._abandoned:
            attempt.discard()

    def skip(self, name: str, reason: str) -> None:
        """Reports a task that does not run."""
        self._report(TaskOutcome(name=name, state="skipped", reason=reason))

    def fail(self, name: str, failure: TaskFailure, seconds: float = 0.0) -> TaskResult:
        """Reports a task that failed and returns its result."""
        self.failures.append(failure)
        self._report(
            TaskOutcome(
                name=name, state="failed", seconds=seconds, reason=failure.message, log=failure.log
            )
        )
        return TaskResult(state="failed", failure=failure)

    def _earlier(self, job: ReadyTask, identity: str) -> _Earlier | None:
        """Returns the task's result from an earlier attempt at this run, if it is still valid."""
        try:
            result = self._store.result(job.directory)
            earlier = None if result is None else _Earlier.from_json(result, job.component)
        except (ValueError, OSError) as error:
            file = self._store.result_path(job.directory)
            self._observer.log(f"{job.name}: {file} is damaged ({error}); the task runs again.")
            return None
        if earlier is None:
            return None
        if earlier.identity is None:
            return earlier
        if not caching.is_same(earlier.identity, identity):
            self._observer.log(
                f"{job.name}: its code, parameters or inputs have changed since it was done; it "
                "runs again."
            )
            return None
        changed = None if "importer" in job.component.executor else earlier.entry.changed()
        if changed is not None:
            self._observer.log(f"{job.name}: {changed} has changed; the task runs again.")
            return None
        return earlier

    def _resumed(self, job: ReadyTask, earlier: _Earlier, identity: str) -> TaskResult:
        parameters, artifacts = earlier.entry.parameters, earlier.entry.artifacts
        execution = earlier.execution
        if not earlier.is_recorded:
            # The run was killed between the rename and the record: the task is done, but its record
            # may be missing. Lineage accepts an execution's outputs only once, so they are recorded
            # for a new one.
            execution = self._begin(job)
            artifacts = self._record(
                job, execution, parameters, artifacts, earlier.cache_key, identity
            )
        made = caching.Entry(parameters=parameters, artifacts=artifacts)
        return self._succeeded(job, "cached", 0.0, made, execution, _DONE_BEFORE)

    def _reused(self, job: ReadyTask, identity: str) -> TaskResult:
        """Returns the result that the task has in the run on which this one is based."""
        base = self._base
        found = base and result_of(base, job.key, job.directory)
        entry = None if not found else caching.Entry.from_json(found, job.component)
        if base is None or entry is None:
            return self._not_reusable(job, "has no result of it")
        changed = None if "importer" in job.component.executor else entry.changed()
        if changed is not None:
            return self._not_reusable(job, f"left {changed}, which is no longer as it was")
        self._decisions.reused(job.name, base.directory.name)
        return self._cached(job, entry, identity, f"taken from the run {base.directory.name}")

    def _not_reusable(self, job: ReadyTask, reason: str) -> TaskResult:
        run = self._base.directory.name if self._base else "before"
        message = (
            f"it is not in the part that runs, and the run {run} {reason}. Run the whole pipeline, "
            "name another run, or let the part begin with this task."
        )
        return self.fail(job.name, TaskFailure(task=job.name, kind="input", message=message))

    def _imported(self, job: ReadyTask, identity: str) -> TaskResult:
        started = time.monotonic()
        artifact = import_artifact(
            job.component.executor["importer"],
            job.inputs,
            self._directory,
            job.context,
            self._store.imports(job.directory),
            self._observer.log,
        )
        self._decisions.imported(job.name, artifact)
        said = described_importer(job.component, artifact)
        execution = self._begin(job, said)
        made = self._recorder.finish(
            execution,
            "complete",
            dict.fromkeys(job.component.output_artifacts, (artifact,)),
            said,
        )
        self._store.attempt(job.directory).commit(_result(job, {}, made, execution, identity))
        entry = caching.Entry(parameters={}, artifacts=made)
        return self._succeeded(job, "done", time.monotonic() - started, entry, execution)

    def _cached(
        self, job: ReadyTask, entry: caching.Entry, identity: str, reason: str | None = None
    ) -> TaskResult:
        started = time.monotonic()
        execution = self._begin(job)
        said = described(job.component, job.inputs)
        artifacts = self._recorder.finish(execution, "cached", entry.artifacts, said)
        result = _result(job, entry.parameters, artifacts, execution, identity)
        if any(
            self._store.holds(job.directory, a.uri) for found in artifacts.values() for a in found
        ):
            # This task made them: the record that it is done was damaged, the outputs were not.
            self._store.update_result(job.directory, result)
        else:
            self._store.attempt(job.directory).commit(result)
        seconds = time.monotonic() - started
        recorded = replace(entry, artifacts=artifacts)
        return self._succeeded(job, "cached", seconds, recorded, execution, reason)

    async def _run(self, job: ReadyTask, key: str | None, identity: str) -> TaskResult:
        started = 0.0
        policy = job.spec.retry
        attempt = 0
        while True:
            async with self._slots:
                if attempt == 0:
                    started = time.monotonic()
                    self._observer.task_started(job.name)
                result = await self._try(job, key, identity, started)
            if isinstance(result, TaskResult):
                return result
            if attempt == policy.max_retries or result.kind == "input":
                return self.fail(job.name, result, time.monotonic() - started)
            pause = policy.pause_seconds(attempt)
            again = (
                f"attempt {attempt + 1} of {policy.max_retries + 1} failed: {result.message} The "
                f"next follows in {pause:g} s."
            )
            self._journal.failed_once(job.name, again)
            self._observer.log(f"{job.name}: {again}")
            await asyncio.sleep(pause)
            attempt += 1

    async def _try(
        self, job: ReadyTask, key: str | None, identity: str, started: float
    ) -> TaskResult | TaskFailure:
        log = self._store.log_path(job.directory)
        log.touch()
        execution = self._begin(job)
        attempt = self._store.attempt(job.directory)
        try:
            async with self._told(job, attempt, log):
                status = await self._start(job, attempt, log)
            if status != 0:
                failure = executor_input.failure(attempt, log, status, job.name)
                if executor_input.has_findings(attempt):
                    kept = attempt.keep_findings(self._store.findings_path(job.directory))
                    failure = replace(failure, message=f"{failure.message} {kept}")
            else:
                parameters, artifacts = executor_input.read_outputs(
                    job.component,
                    attempt,
                    self._store.root,
                    job.name,
                    None if self._is_confined else self._directory,
                    self._rules_for(job.component),
                    self._observer.log,
                )
                artifacts |= write_values(job.component, job.inputs, parameters, attempt)
                shutil.rmtree(self._store.findings_path(job.directory), ignore_errors=True)
                # This may take the disk some time, while other tasks go on.
                await asyncio.to_thread(attempt.keep)
                made = caching.Entry(
                    parameters=parameters, artifacts=_fingerprinted(artifacts, attempt)
                )
                return self._finished(job, attempt, made, key, identity, execution, started)
        except ComponentError as error:
            failure = TaskFailure.of(error, job.name, log)
        except OSError as error:
            failure = TaskFailure.of(storage_error(job.name, error), job.name, log)
        except asyncio.CancelledError:
            self._abandoned.append(attempt)
            self._give_up(job, execution, "canceled")
            self._journal.ended(job.name, "cancelled", seconds=time.monotonic() - started)
            raise
        attempt.discard()
        self._give_up(job, execution, "failed", failure.message)
        return failure

    def _told(
        self, job: ReadyTask, attempt: Attempt, log: Path
    ) -> contextlib.AbstractAsyncContextManager[None]:
        listener = _Listener(name=job.name, observer=self._observer)
        component = job.component.headrace_name
        return TaskNotices(log, component, _progress_file(attempt), listener).passed_on()

    def _give_up(
        self,
        job: ReadyTask,
        execution: int,
        state: Literal["failed", "canceled"],
        reason: str | None = None,
    ) -> None:
        """Records that a task made nothing; errors of the lineage must not hide the reason."""
        try:
            self._recorder.give_up(execution, state, reason)
        except ComponentError as error:
            self._observer.log(f"{job.name}: {error}")

    async def _start(self, job: ReadyTask, attempt: Attempt, log: Path) -> int:
        rules = self._rules_for(job.component)
        message = executor_input.message(job.component, job.inputs, attempt, rules)
        container = job.component.container
        context = replace(job.context, message=message, rules=rules)
        variables = self._rules.variables(
            container.get("env", ()), lambda text: fill(text, context)
        )
        context = replace(context, variables=variables)
        return await self._runner.run(
            TaskProcess(
                task=job.name,
                component=job.component.headrace_name,
                image=str(container["image"]),
                command=fill_arguments(container.get("command", ()), context),
                arguments=startable(
                    fill_arguments(container.get("args", ()), context),
                    task=job.name,
                    file=attempt.private / "executor_input.json",
                    reads_files=job.component.headrace_name is not None,
                ),
                environment={VARIABLE: str(_progress_file(attempt)), **variables},
                resources=fill_constant(container.get("resources", {}), context),
                inputs=job.inputs,
                attempt=attempt,
                log=log,
                imports=self._imports_from(job.component.headrace_name),
            )
        )

    def _rules_for(self, component: ComponentSpec) -> Rules | None:
        return None if component.headrace_name else self._rules

    def _imports_from(self, component: str | None) -> list[str]:
        # A worker starts with the imports of the first task that runs; earlier ones came from the
        # cache.
        if component not in self._components:
            return []
        return self._components[self._components.index(component) :]

    def _finished(
        self,
        job: ReadyTask,
        attempt: Attempt,
        made: caching.Entry,
        key: str | None,
        identity: str,
        execution: int,
        started: float,
    ) -> TaskResult:
        parameters, artifacts = made.parameters, made.artifacts
        unrecorded = {"is_recorded": False, "cache_key": key}
        attempt.commit({**_result(job, parameters, artifacts, execution, identity), **unrecorded})
        recorded = self._record(job, execution, parameters, artifacts, key, identity)
        result = replace(made, artifacts=recorded)
        return self._succeeded(job, "done", time.monotonic() - started, result, execution)

    def _record(
        self,
        job: ReadyTask,
        execution: int,
        parameters: Mapping[str, Any],
        artifacts: ArtifactsByPort,
        key: str | None,
        identity: str,
    ) -> ArtifactsByPort:
        """Records a finished task in lineage and cache."""
        said = described(job.component, job.inputs)
        recorded = self._recorder.finish(execution, "complete", artifacts, said)
        if key is not None:
            made_by = (self._store.directory.name, job.name)
            entry = caching.Entry(parameters=parameters, artifacts=recorded, made_by=made_by)
            self._cache.store(key, entry)
        result = _result(job, parameters, recorded, execution, identity)
        self._store.update_result(job.directory, result)
        return recorded

    def _begin(self, job: ReadyTask, said: Described | None = None) -> int:
        said = said or described(job.component, job.inputs)
        # Not all are left: a component that fills in templates has used up what kfp adds for them.
        given = job.inputs.parameters
        values = {name: given[name] for name in job.inputs.values if name in given}
        self._journal.started(
            job.name,
            said.name,
            self._store.log_path(job.directory),
            {**said.parameters, **values},
            job.inputs.artifacts,
        )
        return self._recorder.begin(job.name, said)

    def _succeeded(
        self,
        job: ReadyTask,
        state: Literal["done", "cached"],
        seconds: float,
        made: caching.Entry,
        execution: int | None,
        reason: str | None = None,
    ) -> TaskResult:
        artifacts = made.artifacts
        log = self._store.log_path(job.directory)
        if state == "cached" and reason is None:
            for artifact in (each for found in artifacts.values() for each in found):
                if verdict := verdict_of(artifact.type, artifact.metadata):
                    self._observer.log(f"{job.name}: {verdict}")
        self._report(
            TaskOutcome(
                name=job.name,
                state=state,
                seconds=seconds,
                reason=reason,
                log=log if log.exists() else None,
                parameters=made.parameters,
                # Values are parameters here, and artifacts for lineage alone.
                artifacts={k: v for k, v in artifacts.items() if k not in made.parameters},
                execution=execution,
            )
        )
        return TaskResult(state="succeeded", parameters=made.parameters, artifacts=artifacts)

    def _report(self, outcome: TaskOutcome) -> None:
        self.outcomes.append(outcome)
        self._journal.ended(
            outcome.name,
            outcome.state,
            seconds=outcome.seconds,
            reason=outcome.reason,
            values=outcome.parameters,
            outputs=outcome.artifacts,
            is_kept=outcome.reason == _DONE_BEFORE,
        )
        self._observer.task_finished(outcome.name, outcome.state, outcome.seconds, outcome.reason)


def _progress_file(attempt: Attempt) -> Path:
    return attempt.private / "progress.json"


def _fingerprinted(
    artifacts: ArtifactsByPort, attempt: Attempt
) -> dict[str, tuple[RuntimeArtifact, ...]]:
    """Returns artifacts with their fingerprints for a cache; renaming does not change these."""
    return {
        port: tuple(
            replace(artifact, fingerprint=caching.contents(attempt.written(artifact.uri)))
            for artifact in found
        )
        for port, found in artifacts.items()
    }


def _result(
    job: ReadyTask,
    parameters: Mapping[str, Any],
    artifacts: ArtifactsByPort,
    execution: int,
    identity: str,
) -> dict[str, Any]:
    return {
        # For tasks of later runs that search by another name than that of the directory.
        "names": sorted({job.key, job.name}),
        "parameters": dict(parameters),
        "artifacts": artifacts_to_json(artifacts),
        "execution": execution,
        "identity": identity,
        "is_recorded": True,
    }
