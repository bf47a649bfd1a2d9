"""`headrace.run`: from a pipeline, in any form, to the result of a run."""

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from headrace.display.notebook import NotebookProgress, in_notebook
from headrace.frontend.loading import PipelineSource
from headrace.ir import run_parameters
from headrace.profiles.tracking import tracking_of
from headrace.targets.local import engine
from headrace.targets.local.records.record import PipelineOrigin
from headrace.targets.local.runnable import load, packed, root_of
from headrace.targets.local.shared.container_options import ContainerOptions
from headrace.targets.local.shared.observer import Observer, Silence
from headrace.targets.local.shared.options import Options, RunnerName
from headrace.targets.local.shared.part_request import PartRequest
from headrace.targets.local.shared.pipelines import checked_pipeline
from headrace.targets.local.shared.results import RunResult
from headrace.targets.local.shared.rules import Backend


def run(
    pipeline: PipelineSource | Mapping[str, Any],
    *,
    parameters: Mapping[str, Any] | None = None,
    root: str | Path | None = None,
    runner: RunnerName = "worker",
    containers: ContainerOptions | None = None,
    use_cache: bool = True,
    metadata: str = "",
    like: Backend = "kubeflow",
    from_nodes: Sequence[str] = (),
    to_nodes: Sequence[str] = (),
    base_run: str = "",
    observer: Observer | None = None,
    flags: Sequence[str] = (),
) -> RunResult:
    """Runs a pipeline on this machine.

    A failed task does not raise: `RunResult.state` is then `failed`, and `RunResult.failures` has
    the reasons. `headrace.resume` finishes such a run, or an interrupted one.

    Args:
        pipeline: `PIPELINE.py[:name]`, a function decorated with `kfp.dsl.pipeline`, a
            `tfx.dsl.Pipeline`, a file with a compiled pipeline (JSON or YAML), or its content.
        parameters: Values of the pipeline's parameters. The local path of a module file is packed
            into the run; it is relative to the current directory.
        root: The directory of runs, cache and lineage; None for the one that the pipeline's file
            names, else `headrace_root`.
        runner: `worker` forks tasks from a process that has done their imports; `process` starts a
            fresh interpreter for each; `venv` one of an environment made from its image's lock;
            `docker` and `podman` a container of its image.
        containers: How the last two run containers; None for `ContainerOptions()`.
        use_cache: Whether a task may be answered by an earlier one like it.
        metadata: URL of the lineage database; empty for the one that the pipeline's file names,
            else SQLite under `root`.
        like: The backend whose rules apply to components that do not belong to Headrace: the form
            of their numbers, metadata and variables.
        from_nodes: Names of tasks. A part of the pipeline runs: they, and what depends on them; the
            results of an earlier run stand for what they need. Empty for all tasks.
        to_nodes: Names of tasks: only they, and what they need, run. Empty for all tasks.
        base_run: The run whose results stand for tasks outside of the part; empty for the latest
            run that has them.
        observer: Its methods are called during the run. None shows the tasks in the cell of a
            notebook, and on a terminal, and elsewhere logs why tasks failed.
            `headrace.Silence()` shows nothing.
        flags: What the file of a TFX pipeline finds on its command line, as `["--steps=100"]`.

    Raises:
        InputError: The pipeline or a parameter has an error; nothing has run.
        PlatformError: The root or the lineage database cannot be used.
    """
    with _display(observer) as shown:
        loaded = load(pipeline, flags)
        for line in loaded.notices:
            shown.log(line)
        given = {**loaded.parameters, **(parameters or {})}
        part = PartRequest(
            from_nodes=tuple(from_nodes), to_nodes=tuple(to_nodes), base_run=base_run
        )
        return engine.start(
            loaded.spec,
            parameters=packed(loaded.spec, given),
            origin=_origin(pipeline, given, flags),
            options=Options(
                root=loaded.root(root),
                runner=runner,
                containers=containers or ContainerOptions(),
                tracking=tracking_of(containers.config if containers else None),
                use_cache=use_cache,
                metadata=loaded.metadata(metadata),
                like=like,
                part=part,
                keep_worker=in_notebook(),
            ),
            observer=shown,
        )


def resume(
    run_id: str,
    *,
    pipeline: PipelineSource | Mapping[str, Any] | None = None,
    root: str | Path | None = None,
    runner: RunnerName | None = None,
    containers: ContainerOptions | None = None,
    metadata: str = "",
    observer: Observer | None = None,
    flags: Sequence[str] = (),
) -> RunResult:
    """Finishes an earlier run: tasks that are done stay done.

    With `pipeline` the run uses its current code. A finished task is kept as long as its code, its
    parameters and its inputs are the same; the others run with the new code. Without `pipeline`, a
    run that was started from a file uses the new code if that file or a module has changed.

    Args:
        run_id: Name of the run under `root`.
        pipeline: A pipeline, in the forms that `run` accepts; None for the pipeline that the run
            was started with.
        root: The directory of runs that it was started with; None for the one that the pipeline's
            file names, else `headrace_root`.
        runner: How to start tasks; None for the way that the run was started with.
        containers: How to run containers; None likewise.
        metadata: URL of the lineage database; needed if that of the run has a password, which is
            not stored, and the variable HEADRACE_METADATA_PASSWORD is not set.
        observer: As for `run`.
        flags: As for `run`; empty for those that the run was started with.

    Raises:
        InputError: The run does not exist, its record is damaged, or another process works on it;
            or the pipeline is a different one, or does not compile.
    """
    with _display(observer) as shown:
        return engine.resume(
            run_id,
            root=root_of(pipeline, root, flags),
            pipeline=pipeline,
            flags=flags,
            runner=runner,
            containers=containers,
            metadata=metadata,
            tracking=tracking_of(containers.config if containers else None),
            observer=shown,
        )


def run_from_command_line(
    pipeline: str,
    flags: Sequence[str],
    assignments: Iterable[str],
    root: Path | None,
    options: Options,
    observer: Observer,
) -> RunResult:
    """Does the same as `run`, with parameters as `name=value` texts.

    `root` and the metadata of `options` have the meaning that they have there.
    """
    loaded = load(pipeline, flags)
    values = run_parameters.from_command_line(assignments, checked_pipeline(loaded.spec).root)
    for line in loaded.notices:
        observer.log(line)
    given = {**loaded.parameters, **values}
    return engine.start(
        loaded.spec,
        parameters=packed(loaded.spec, given),
        origin=PipelineOrigin.of(pipeline, given, flags),
        options=replace(
            options, root=loaded.root(root), metadata=loaded.metadata(options.metadata)
        ),
        observer=observer,
    )


class _Warnings(Silence):
    """Says that a run failed, to whom did not ask for more."""

    def run_finished(self, result: RunResult) -> None:
        """Logs the reasons; Python prints them unless the program decides otherwise."""
        for failure in result.failures:
            log = f" Its log: {failure.log}" if failure.log else ""
            logging.getLogger("headrace").warning(
                "Run %s: %s failed: %s%s", result.run_id, failure.task, failure.message, log
            )


@contextlib.contextmanager
def _display(observer: Observer | None) -> Iterator[Observer]:
    """Yields the observer of the caller, or the one for the place where this program runs."""
    if observer is not None:
        yield observer
    elif in_notebook():
        yield NotebookProgress()
    elif sys.stderr.isatty():
        # rich takes a fifth of a second to import.
        from headrace.display.progress import ProgressDisplay

        with ProgressDisplay() as display:
            yield display
    else:
        yield _Warnings()


def _origin(
    pipeline: PipelineSource | Mapping[str, Any], given: Mapping[str, Any], flags: Sequence[str]
) -> PipelineOrigin | None:
    return PipelineOrigin.of(pipeline, given, flags) if isinstance(pipeline, (str, Path)) else None
