"""Runs one task of a run again, with the same inputs and the code of now: `headrace spin`."""

import asyncio
import contextlib
import datetime
import difflib
import fcntl
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.compilation.passes.modules import pack_module
from headrace.ir import run_parameters
from headrace.ir.task_names import ITERATION, TaskNames
from headrace.ir.view import ComponentSpec, Pipeline
from headrace.lineage.local_store.connection import check_installed
from headrace.targets.local.cache.answers import Cache
from headrace.targets.local.engine import run_async, stopping_on_signals
from headrace.targets.local.execution.interpreter import PipelineInterpreter
from headrace.targets.local.execution.leaf import LeafRunner
from headrace.targets.local.execution.single_task import SingleTask
from headrace.targets.local.records import journal, listing
from headrace.targets.local.records.journal import Journal
from headrace.targets.local.records.record import RunRecord
from headrace.targets.local.records.recorder import Unrecorded
from headrace.targets.local.records.store import SPINS, RunStore, storage_error
from headrace.targets.local.records.task_choice import chosen_task
from headrace.targets.local.resuming import with_code_of_now
from headrace.targets.local.runners.setup import Setup, prepare
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.local.shared.observer import Observer
from headrace.targets.local.shared.options import CONTAINER_RUNNERS, RunnerName
from headrace.targets.local.shared.pipelines import RESERVED, checked_pipeline
from headrace.targets.local.shared.results import (
    RunResult,
    RunState,
    TaskInputs,
    artifacts_from_json,
)
from headrace.targets.local.shared.rules import RULES
from headrace.targets.local.target import TARGET
from headrace_components.contract.declaration import module_parameter
from headrace_components.contract.errors import InputError
from headrace_components.python_component.params import CODE, OBJECT, PORTS

_COMMAND = "headrace spin"
# Parameters of a component of the author's own that its author has not declared.
_HIDDEN = frozenset({CODE, OBJECT, PORTS})
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Spin:
    """What is to run.

    Attributes:
        run_id: The run, in the forms of `run_names.resolved`.
        task: The task.
        root: The directory of runs.
        assignments: Parameters of the task, as `name=value` texts.
        runner: How to start the task; None for the way of the run.
        containers: How to run containers; None likewise.
    """

    run_id: str
    task: str
    root: Path
    assignments: tuple[str, ...] = ()
    runner: RunnerName | None = None
    containers: ContainerOptions | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Spun:
    """How it went.

    Attributes:
        base: The run.
        result: A result as of a run of the one task.
    """

    base: str
    result: RunResult


def spin(asked: Spin, observer: Observer, printed: Callable[[str], None]) -> Spun:
    """Runs a task and returns how it went.

    Neither lineage nor the cache hear of it.

    Args:
        asked: What is to run.
        observer: Its methods are called meanwhile.
        printed: Gets what the task prints, in pieces.

    Raises:
        InputError: The run or the task does not exist, or the task cannot run with what is there.
        PlatformError: The root cannot be written.
    """
    check_installed(_COMMAND)
    base = listing.find_run(asked.root.absolute(), asked.run_id, _COMMAND)
    with _kept(base):
        begun = RunRecord.read(base)
        record = with_code_of_now(base, begun, None, lambda _: None)
        if record is not begun:
            observer.log(
                "The code has changed since the run began; the task runs with the new one."
            )
        pipeline = checked_pipeline(record.spec)
        task = _checked_name(asked.task, pipeline, base)
        runner = asked.runner or record.runner
        containers = asked.containers
        if containers is None:
            is_confined = runner in CONTAINER_RUNNERS
            containers = (
                ContainerOptions.from_json(dict(record.containers))
                if is_confined and record.runner in CONTAINER_RUNNERS
                else ContainerOptions()
            )
        setup = prepare(runner, record.spec, record.parameters, containers, observer.log)
        now = datetime.datetime.now(datetime.UTC)
        name = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        store = RunStore(root=base.root, directory=base.root / SPINS / name)
        try:
            (store.directory / "logs").mkdir(parents=True)
            if base.workspace.is_dir():
                shutil.copytree(base.workspace, store.workspace, symlinks=True)
            with _kept(store):
                spinning = _Spinning(
                    base=base,
                    store=store,
                    record=record,
                    setup=setup,
                    task=task,
                    assignments=asked.assignments,
                    observer=observer,
                    printed=printed,
                )
                return Spun(base=base.directory.name, result=run_async(spinning.execute))
        except OSError as error:
            raise storage_error(_COMMAND, error) from error


@contextlib.contextmanager
def _kept(store: RunStore) -> Iterator[None]:
    """Keeps others from deleting a run. If it runs, its own process does so already."""
    with (store.directory / ".lock").open("a", encoding="utf-8") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


def _checked_name(task: str, pipeline: Pipeline, base: RunStore) -> str:
    names = TaskNames.of(pipeline, RESERVED)
    patterns = [path for path, _ in pipeline.leaves()]
    history = [each.name for each in listing.run_of(base, with_tasks=True).tasks]
    nodes = {names.node(path) for path in patterns if ITERATION not in path}
    keys = {"/".join(path) for path in patterns if ITERATION not in path}
    if task in keys:
        return task
    known = list(dict.fromkeys([*history, *sorted(nodes)]))
    return chosen_task(task, known, base.directory.name, _COMMAND)


@dataclass(frozen=True, kw_only=True)
class _Spinning:
    base: RunStore
    store: RunStore
    record: RunRecord
    setup: Setup
    task: str
    assignments: Iterable[str]
    observer: Observer
    printed: Callable[[str], None]

    async def execute(self) -> RunResult:
        """Runs the task."""
        started = time.monotonic()
        pipeline = checked_pipeline(self.setup.body)
        rules = RULES[self.record.like]
        directory = Path(self.record.directory)
        runner = self.setup.runner(
            root=self.store.root,
            directory=directory,
            logs=self.store.directory / "logs",
            run_id=self.store.directory.name,
            notify=self.observer.log,
        )
        leaves = LeafRunner(
            directory=directory,
            store=self.store,
            cache=Cache(root=self.store.root, pipeline=pipeline.name),
            use_cache=False,
            runner=runner,
            recorder=Unrecorded(),
            journal=Journal(file=self.store.directory / journal.NAME),
            observer=self.observer,
            components=pipeline.headrace_names(),
            concurrency=1,
            rules=rules,
            is_confined=self.setup.name in CONTAINER_RUNNERS,
        )
        tasks = listing.run_of(self.base, with_tasks=True).tasks
        single = SingleTask(
            leaves=leaves,
            base=self.base,
            task=self.task,
            values=self._values,
            failures={each.name: each.message for each in tasks if each.state == "failed"},
        )
        interpreter = PipelineInterpreter(
            pipeline, single, self._placeholders(pipeline), rules, TaskNames.of(pipeline, RESERVED)
        )
        inputs = TaskInputs(
            parameters=self.record.parameters,
            artifacts=artifacts_from_json(self.record.artifacts),
        )
        work = asyncio.create_task(interpreter.run(inputs))
        following = asyncio.create_task(self._follow())
        state: RunState = "interrupted"
        try:
            with stopping_on_signals(work):
                await work
            state = "failed" if leaves.failures else "succeeded"
        except asyncio.CancelledError:
            pass
        finally:
            await runner.close()
            leaves.clean_up()
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        if state != "interrupted" and single.result is None:
            shutil.rmtree(self.store.directory, ignore_errors=True)
            obstacle = (
                single.obstacle.removeprefix(f"{_COMMAND}: ").removesuffix(".")
                or "a part of the pipeline did not run"
            )
            raise InputError(
                f"{_COMMAND}: {self.task} of the run {self.base.directory.name} cannot run alone: "
                f"{obstacle}."
            )
        return RunResult(
            pipeline=pipeline.name,
            run_id=self.store.directory.name,
            state=state,
            directory=self.store.directory,
            seconds=time.monotonic() - started,
            tasks=tuple(leaves.outcomes),
            failures=tuple(leaves.failures),
            pipeline_source=self.record.origin.pipeline if self.record.origin else "",
        )

    def _placeholders(self, pipeline: Pipeline) -> dict[str, str]:
        run = self.base.directory.name
        return {
            "pipeline_job_name": f"{pipeline.name}-{run}",
            "pipeline_job_uuid": run,
            "pipeline_job_resource_name": f"{pipeline.name}/{run}",
            "pipeline_job_create_time_utc": self.record.created,
            "pipeline_job_schedule_time_utc": self.record.created,
            "pipeline_root": str(self.store.root),
            "workspace_path": str(self.store.workspace),
        }

    def _values(self, component: ComponentSpec) -> Mapping[str, Any]:
        """Returns the parameters of the command line, in the types of the task's component."""
        known = sorted(each for each in component.input_parameters if each not in _HIDDEN)
        for assignment in self.assignments:
            name, separator, _ = assignment.partition("=")
            if separator and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                advice = f"Did you mean {near[0]!r}? " if near else ""
                raise InputError(
                    f"it has no parameter {name!r}, only {known}. {advice}-p sets parameters of "
                    "the task here, not those of the pipeline."
                )
        found = run_parameters.from_command_line(self.assignments, component, _COMMAND)
        module = module_parameter(component.headrace_name)
        if component.headrace_name and module in found:
            found[module] = pack_module(found[module], self.task, TARGET, Path.cwd())
        return found

    async def _follow(self) -> None:
        """Passes on what the task prints."""
        position = 0
        file: Path | None = None
        try:
            while True:
                file = file or self._log()
                position = self._pass_on(file, position)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._pass_on(file or self._log(), position)

    def _log(self) -> Path | None:
        logs = (self.store.directory / "logs").glob("*.log")
        return next((each for each in logs if not each.name.startswith("_")), None)

    def _pass_on(self, file: Path | None, position: int) -> int:
        if file is None:
            return position
        with file.open("rb") as stream:
            stream.seek(position)
            content = stream.read()
        if content:
            self.printed(content.decode("utf-8", "replace"))
        return position + len(content)
