"""`headrace run`: runs a pipeline on this machine."""

from pathlib import Path
from typing import get_args

import click

from headrace.targets.local.shared.options import DEFAULT_ROOT, Options, RunnerName
from headrace.targets.local.shared.part_request import PartRequest
from headrace.targets.local.shared.results import RunResult
from headrace.targets.local.shared.rules import Backend
from headrace_components.contract.errors import InputError

EXIT_TASK_FAILED = 1
EXIT_INTERRUPTED = 130  # a shell's exit code: 128 + SIGINT


@click.command()
@click.argument("pipeline", required=False, metavar="PIPELINE.py[:name]|IR.json|IR.yaml")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- FLAGS]")
@click.option(
    "-p",
    "--parameter",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the run; lists and dicts as JSON. May be repeated.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of runs, cache and lineage. Default: the one that the pipeline's file names, "
    f"else {DEFAULT_ROOT}.",
)
@click.option(
    "--runner",
    type=click.Choice(get_args(RunnerName)),
    help="How each task runs. worker (default): forked from a process that has done the imports. "
    "process: in a new process. venv: in an environment made from the lock of its image. docker, "
    "podman: in its image.",
)
@click.option(
    "--mount",
    "mounts",
    multiple=True,
    metavar="DIR[:ro]",
    help="Another directory that containers see, under the same path. May be repeated.",
)
@click.option(
    "--network",
    default="none",
    show_default=True,
    metavar="NAME",
    help="Network of the containers, for example bridge or host.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="headrace.toml",
    help="Target profile: the images for containers, and [tracking] for MLflow. Default: "
    "headrace.toml of the current directory, if it exists; otherwise images that were built here "
    "are run.",
)
@click.option(
    "--like",
    type=click.Choice(get_args(Backend)),
    help="The backend whose rules apply to numbers, metadata and variables of components that do "
    "not belong to Headrace. Default: kubeflow.",
)
@click.option(
    "--from-nodes",
    metavar="NAMES",
    default="",
    help="Run a part of the pipeline: these tasks, and what depends on them. The results of an "
    "earlier run stand for what they need. Names with commas between them.",
)
@click.option(
    "--to-nodes",
    metavar="NAMES",
    default="",
    help="Run a part of the pipeline: these tasks, and what they need.",
)
@click.option(
    "--base-run",
    metavar="RUN",
    default="",
    help="The earlier run for --from-nodes. Default: the latest that has the results.",
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Print the lines of the tasks' logs as they come, each with the name of its task.",
)
@click.option("--no-cache", is_flag=True, help="Run every task, even one that ran before.")
@click.option(
    "--resume",
    metavar="RUN",
    help="Finish an earlier run: its ID or the beginning of it, or latest-failed. With a pipeline, "
    "it uses the current code, and keeps finished tasks that are not affected; flags behind -- "
    "take the place of those it was started with.",
)
@click.option(
    "--metadata",
    default="",
    metavar="URL",
    help="Lineage database: mysql://user@host/database with the password in the variable "
    "HEADRACE_METADATA_PASSWORD, or mysql://user:password@... Default: the one "
    "that the pipeline's file names, else SQLite under root.",
)
def run(
    pipeline: str | None,
    flags: tuple[str, ...],
    assignments: tuple[str, ...],
    root: Path | None,
    runner: RunnerName | None,
    mounts: tuple[str, ...],
    network: str,
    config: Path | None,
    like: Backend | None,
    from_nodes: str,
    to_nodes: str,
    base_run: str,
    verbose: bool,
    no_cache: bool,
    resume: str | None,
    metadata: str,
) -> int:
    """Run a pipeline on this machine.

    Tasks run in parallel if the pipeline allows it. A task that ran before with the same code,
    parameters and inputs is answered from the cache.

    A pipeline runs its commands with your rights. For a compiled pipeline, commands that do not
    belong to Headrace are listed first; if you do not trust them, use --runner docker or podman.

    In a container, a task has no capabilities, and sees only its inputs, its outputs and the
    directories of --mount. The options in HEADRACE_CONTAINER_FLAGS are added to those of the
    engine.
    """
    # Import late: `headrace run --help` does not need these.
    from headrace.display.progress import ProgressDisplay
    from headrace.profiles.tracking import tracking_of
    from headrace.targets.local import engine
    from headrace.targets.local.run import run_from_command_line
    from headrace.targets.local.runnable import root_of
    from headrace.targets.local.shared.container_options import ContainerOptions

    if pipeline is None and resume is None:
        raise InputError(
            "headrace run: it got neither a pipeline nor --resume. Name a pipeline to start a run, "
            "or a run to finish."
        )
    part = PartRequest(from_nodes=_names(from_nodes), to_nodes=_names(to_nodes), base_run=base_run)
    if resume is not None and (assignments or no_cache or like or part != PartRequest()):
        raise InputError(
            "headrace run: --resume finishes a run with the parameters, the cache, the part and "
            "the rules that it was started with, but got -p, --no-cache or --like, --from-nodes, "
            "--to-nodes or --base-run. Leave them out, or start a new run."
        )
    containers = ContainerOptions(mounts=mounts, network=network, config=config)
    tracking = tracking_of(config)
    with ProgressDisplay(is_verbose=verbose) as observer:
        if resume is not None:
            given = None if containers == ContainerOptions() else containers
            result = engine.resume(
                resume,
                pipeline=pipeline,
                root=root_of(pipeline, root, flags),
                flags=flags,
                runner=runner,
                containers=given,
                metadata=metadata,
                tracking=tracking,
                observer=observer,
            )
        else:
            options = Options(
                runner=runner or "worker",
                containers=containers,
                use_cache=not no_cache,
                metadata=metadata,
                like=like or "kubeflow",
                part=part,
                tracking=tracking,
            )
            result = run_from_command_line(
                str(pipeline), flags, assignments, root, options, observer
            )
    _report(result)
    if result.state == "interrupted":
        return EXIT_INTERRUPTED
    return 0 if result.state == "succeeded" else EXIT_TASK_FAILED


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for each in text.split(",") if (name := each.strip()))


def _report(result: RunResult) -> None:
    """Prints the paths of the run's results on standard output."""
    for model in result.pushed_models:
        click.echo(f"Pushed model: {model}")
    for report in result.reports:
        click.echo(f"Report: {report}")
    click.echo(f"Logs: {result.logs}")
    if result.state != "succeeded":
        click.echo(f"To finish this run: {result.resume_command}")
