"""Carries a run from its record to its result."""

import asyncio
import contextlib
import datetime
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from headrace.compilation.passes.loop_values import check_loop_values
from headrace.compilation.passes.parameter_checks import check_parameters
from headrace.frontend.loading import PipelineSource
from headrace.ir import run_parameters
from headrace.ir.task_names import ITERATION, TaskNames
from headrace.lineage.local_store.connection import check_installed, default_url
from headrace.lineage.local_store.writer import LineageStore
from headrace.profiles.tracking import Tracking
from headrace.targets.local.cache.answers import Cache
from headrace.targets.local.cache.code_versions import InstalledCode
from headrace.targets.local.execution.interpreter import PipelineInterpreter
from headrace.targets.local.execution.leaf import LeafRunner
from headrace.targets.local.execution.run_part import resolved, run_part
from headrace.targets.local.records import journal
from headrace.targets.local.records.journal import Journal
from headrace.targets.local.records.listing import find_run
from headrace.targets.local.records.record import PipelineOrigin, RunRecord, StoredUrl, code_digest
from headrace.targets.local.records.recorder import Recorder
from headrace.targets.local.records.store import RunStore, storage_error
from headrace.targets.local.resuming import with_code_of_now
from headrace.targets.local.runners.setup import Setup, prepare
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.local.shared.lasting_loop import run_in_thread
from headrace.targets.local.shared.observer import Observer, Silence
from headrace.targets.local.shared.options import CONTAINER_RUNNERS, Options, RunnerName
from headrace.targets.local.shared.pipelines import RESERVED, checked_pipeline
from headrace.targets.local.shared.results import (
    ArtifactsByPort,
    RunResult,
    RunState,
    TaskInputs,
    TaskResult,
    artifacts_from_json,
    artifacts_to_json,
)
from headrace.targets.local.shared.rules import RULES
from headrace.targets.local.tracking.mlflow_run import MlflowRun
from headrace_components.contract.errors import ComponentError

T = TypeVar("T")

# How often a run looks whether somebody asks for its end.
_CANCEL_PAUSE_SECONDS = 0.3

_LINEAGE_STATES: Mapping[RunState, Any] = {
    "succeeded": "complete",
    "failed": "failed",
    "interrupted": "canceled",
}


def start(
    spec: Mapping[str, Any],
    *,
    parameters: Mapping[str, Any] | None = None,
    artifacts: ArtifactsByPort | None = None,
    options: Options | None = None,
    observer: Observer | None = None,
    origin: PipelineOrigin | None = None,
) -> RunResult:
    """Runs a pipeline and returns how it went.

    A failing task fails the run, but not this call: see `RunResult.state`. Interrupted by Ctrl-C
    or SIGTERM, it ends the tasks and returns with state `interrupted`.

    Args:
        spec: The compiled pipeline: KFP's `PipelineSpec` as JSON data.
        parameters: Values of the pipeline's parameters.
        artifacts: The artifacts that the pipeline takes, by name; None if it takes none.
        options: How to run.
        observer: Its methods are called during the run.
        origin: The source of the pipeline; None if it cannot be found again.

    Raises:
        InputError: The pipeline or a parameter has an error; nothing has run.
        PlatformError: The root or the lineage database cannot be used.
    """
    check_installed("headrace run")
    options = options or Options()
    pipeline = checked_pipeline(spec)
    values = run_parameters.checked(parameters or {}, pipeline.root)
    check_loop_values(spec, values)
    check_parameters(spec, values)
    observer = observer or Silence()
    setup = prepare(options.runner, spec, values, options.containers, observer.log)
    root = options.root.absolute()
    part = None
    if not options.part.is_whole:
        part = resolved(options.part, pipeline, TaskNames.of(pipeline, RESERVED), root)
    now = datetime.datetime.now(datetime.UTC)
    run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    record = RunRecord(
        run_id=run_id,
        created=now.isoformat(timespec="seconds"),
        directory=str(Path.cwd()),
        code_version=InstalledCode().embedded,
        runner=options.runner,
        containers=options.containers.to_json(),
        use_cache=options.use_cache,
        like=options.like,
        metadata=StoredUrl.of(options.metadata),
        parameters=values,
        spec=dict(setup.body),
        code=code_digest(spec, values),
        origin=origin,
        artifacts=artifacts_to_json(artifacts or {}),
        part=part,
    )
    store = RunStore.create(root, pipeline.name, run_id, record.to_json(), record.summary())
    return _execute(store, record, options, setup, observer)


def resume(
    run_id: str,
    *,
    root: Path,
    pipeline: PipelineSource | Mapping[str, Any] | None = None,
    runner: RunnerName | None = None,
    containers: ContainerOptions | None = None,
    metadata: str = "",
    tracking: Tracking | None = None,
    observer: Observer | None = None,
    flags: Sequence[str] = (),
) -> RunResult:
    """Finishes an earlier run: tasks that are done and not affected stay done, the others run.

    Args:
        run_id: The run: its ID or the beginning of it, or a word of `run_names`.
        root: The root that contains the run.
        pipeline: The source of the code; for None see `with_code_of_now`.
        runner: How to start tasks; None for the way that the run was started with.
        containers: How to run containers; None likewise.
        metadata: URL of the lineage database; empty for that of the run.
        tracking: Where the run is logged; None for nowhere.
        observer: Its methods are called during the run.
        flags: What the file of a TFX pipeline finds on its command line; empty for the flags that
            the run was started with.

    Raises:
        InputError: The run does not exist, its record is damaged, another process works on it, or
            its database needs a password; or the pipeline is a different one, or does not compile.
    """
    check_installed("headrace run")
    observer = observer or Silence()
    store = find_run(root.absolute(), run_id)
    if not store.is_locked:  # what was asked of its last process
        with contextlib.suppress(OSError):
            store.cancel_request.unlink()
    begun = RunRecord.read(store)
    record = with_code_of_now(store, begun, pipeline, observer.log, flags)
    name: RunnerName = runner or record.runner
    if containers is None and name in CONTAINER_RUNNERS:
        containers = ContainerOptions.from_json(dict(record.containers))
    options = Options(
        root=store.root,
        runner=name,
        containers=containers or ContainerOptions(),
        use_cache=record.use_cache,
        metadata=metadata or record.metadata.url(),
        tracking=tracking or Tracking(),
        like=record.like,
    )
    checked_pipeline(record.spec)  # nothing is done with a damaged one
    setup = prepare(
        options.runner, record.spec, record.parameters, options.containers, observer.log
    )
    if record is not begun:
        record = replace(record, spec=dict(setup.body))
    if record.code_version != InstalledCode().embedded:
        observer.log("Headrace has changed since this run began; what is done stays as it is.")
    return _execute(store, record, options, setup, observer)


def _execute(
    store: RunStore,
    record: RunRecord,
    options: Options,
    setup: Setup,
    observer: Observer,
) -> RunResult:
    try:
        with store.locked():
            (store.directory / "logs").mkdir(exist_ok=True)
            if record.to_json() != store.record():
                store.write_record(record.to_json(), record.summary())
            return run_async(lambda: _Run(store, record, options, setup, observer).execute())
    except OSError as error:
        raise storage_error("headrace run", error) from error


def run_async(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine to its end, in a separate thread if this one already has a loop."""
    return run_in_thread(main) if _has_running_loop() else asyncio.run(main())


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Run:
    def __init__(
        self,
        store: RunStore,
        record: RunRecord,
        options: Options,
        setup: Setup,
        observer: Observer,
    ) -> None:
        self._store = store
        self._record = record
        self._observer = observer
        self._started = time.monotonic()
        self._spec = checked_pipeline(setup.body)
        self._names = TaskNames.of(self._spec, RESERVED)
        self._part = run_part(record.part, self._spec, self._names, store.root)
        self._run_id = record.run_id
        self._rules = RULES[options.like]
        self._tracking = options.tracking
        self._tracked: MlflowRun | None = None
        self._journal = Journal(file=store.directory / journal.NAME)
        self._lineage = LineageStore(options.metadata or default_url(store.root))
        self._runner = setup.runner(
            root=store.root,
            directory=Path(record.directory),
            logs=store.directory / "logs",
            run_id=self._run_id,
            notify=observer.log,
            keep_worker=options.keep_worker,
        )
        self._leaves = LeafRunner(
            directory=Path(record.directory),
            store=store,
            cache=Cache(
                root=store.root,
                pipeline=self._spec.name,
                like=options.like,
                code=setup.code,
                notify=observer.log,
            ),
            use_cache=options.use_cache,
            runner=self._runner,
            recorder=Recorder(run_id=self._run_id, lineage=self._lineage),
            journal=self._journal,
            observer=observer,
            components=self._spec.headrace_names(),
            concurrency=options.concurrency or os.cpu_count() or 1,
            rules=self._rules,
            is_confined=options.runner in CONTAINER_RUNNERS,
            base=self._part.base if self._part else None,
        )

    async def execute(self) -> RunResult:
        try:
            return await self._executed()
        except Exception:
            # The lineage or the disk did not accept a record. The state must no longer be
            # "running".
            with contextlib.suppress(OSError):
                self._store.write_state("failed")
            with contextlib.suppress(ComponentError):
                self._lineage.finish_run(self._run_id, "failed")
            raise

    async def _executed(self) -> RunResult:
        self._store.write_state("running")
        self._tracked = self._begin_tracking()
        self._lineage.begin_run(self._spec.author_name, self._run_id, self._record.parameters)
        tasks = [self._names.node(path) for path, _ in self._spec.leaves() if ITERATION not in path]
        self._journal.run_started(tasks)
        self._observer.run_started(self._run_id, tasks)
        if self._spec.uses_workspace:
            self._store.workspace.mkdir(exist_ok=True)
        interpreter = PipelineInterpreter(
            self._spec,
            self._leaves,
            self._placeholders(),
            self._rules,
            self._names,
            self._part,
        )
        inputs = TaskInputs(
            parameters=self._record.parameters,
            artifacts=artifacts_from_json(self._record.artifacts),
        )
        work = asyncio.create_task(interpreter.run(inputs))
        try:
            with stopping_on_signals(work), _stopping_on_request(work, self._store):
                outcome = await work
        except asyncio.CancelledError:
            return await self._finish("interrupted", None)
        finally:
            await self._runner.close()
            self._leaves.clean_up()
        return await self._finish("failed" if outcome.state == "failed" else "succeeded", outcome)

    def _begin_tracking(self) -> MlflowRun | None:
        if not self._tracking.mlflow:
            return None
        return MlflowRun(
            self._tracking,
            pipeline=self._spec.author_name,
            run_id=self._run_id,
            parameters=self._record.parameters,
            notify=self._observer.log,
        )

    def _placeholders(self) -> dict[str, str]:
        return {
            "pipeline_job_name": f"{self._spec.name}-{self._run_id}",
            "pipeline_job_uuid": self._run_id,
            "pipeline_job_resource_name": f"{self._spec.name}/{self._run_id}",
            "pipeline_job_create_time_utc": self._record.created,
            "pipeline_job_schedule_time_utc": self._record.created,
            "pipeline_root": str(self._store.root),
            "workspace_path": str(self._store.workspace),
        }

    async def _finish(self, state: RunState, outcome: TaskResult | None) -> RunResult:
        result = RunResult(
            pipeline=self._spec.name,
            run_id=self._run_id,
            state=state,
            directory=self._store.directory,
            seconds=time.monotonic() - self._started,
            tasks=tuple(self._leaves.outcomes),
            failures=tuple(self._leaves.failures),
            parameters=outcome.parameters if outcome else {},
            artifacts=outcome.artifacts if outcome else {},
            pipeline_source=self._record.origin.pipeline if self._record.origin else "",
        )
        self._lineage.finish_run(self._run_id, _LINEAGE_STATES[state])
        came = asdict(result.summary)
        self._store.write_state(state, seconds=round(result.seconds, 3), summary=came)
        self._observer.run_finished(result)
        if self._tracked is not None:
            await asyncio.to_thread(self._tracked.finish, result)
        return result


@contextlib.contextmanager
def _stopping_on_request(work: asyncio.Task[Any], store: RunStore) -> Iterator[None]:
    """Cancels the work when another process asks for it."""

    async def waiting() -> None:
        while not store.cancel_request.exists():
            await asyncio.sleep(_CANCEL_PAUSE_SECONDS)
        work.cancel()

    watching = asyncio.create_task(waiting())
    try:
        yield
    finally:
        watching.cancel()


@contextlib.contextmanager
def stopping_on_signals(work: asyncio.Task[Any]) -> Iterator[None]:
    """Cancels the work on Ctrl-C and SIGTERM. Only the main thread hears of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, work.cancel)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
