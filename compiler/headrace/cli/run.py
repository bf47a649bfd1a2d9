"""`headrace run`: runs a pipeline on this machine."""

from pathlib import Path
from typing import get_args

import click

from headrace.targets.local.shared.options import Options, RunnerName
from headrace.targets.local.shared.results import RunResult
from headrace.targets.local.shared.rules import Backend
from headrace_components.contract.errors import InputError

EXIT_TASK_FAILED = 1
EXIT_INTERRUPTED = 130  # as a shell has it: 128 + SIGINT


@click.command()
@click.argument("pipeline", required=False, metavar="PIPELINE.py[:function]|IR.json|IR.yaml")
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
    default=Path("headrace_root"),
    show_default=True,
    help="Directory of runs, cache and lineage.",
)
@click.option(
    "--runner",
    type=click.Choice(get_args(RunnerName)),
    help="Fork tasks from a process that has done their imports (worker, the default), or start a "
    "fresh one for each (process), or one of an environment made from its image's lock (venv), or "
    "run each in its image (docker, podman).",
)
@click.option(
    "--mount",
    "mounts",
    multiple=True,
    metavar="DIR[:ro]",
    help="Directory that containers see besides artifacts, under the same path. May be repeated.",
)
@click.option(
    "--network",
    default="none",
    show_default=True,
    metavar="NAME",
    help="Network of the containers, as the engine has it: bridge, host.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="headrace.toml",
    help="Target profile that says where images lie; by default headrace.toml of the current "
    "directory, if there is one, else images built here are run.",
)
@click.option(
    "--like",
    type=click.Choice(get_args(Backend)),
    help="The backend by whose rules components other than Headrace's get their numbers, metadata "
    "and variables; kubeflow by default.",
)
@click.option("--no-cache", is_flag=True, help="Run every task, even one that ran before.")
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Finish an earlier run. Given a pipeline, it takes the code as it is now, and keeps the "
    "tasks that are done and not affected.",
)
@click.option(
    "--metadata",
    default="",
    metavar="URL",
    help="Lineage database, as mysql://user@host/database with the password in the variable "
    "HEADRACE_METADATA_PASSWORD, or mysql://user:password@...; SQLite under root by default.",
)
def run(
    pipeline: str | None,
    assignments: tuple[str, ...],
    root: Path,
    runner: RunnerName | None,
    mounts: tuple[str, ...],
    network: str,
    config: Path | None,
    like: Backend | None,
    no_cache: bool,
    resume: str | None,
    metadata: str,
) -> int:
    """Run a pipeline on this machine.

    Tasks run in parallel where the pipeline allows it. One that ran before with the same code,
    parameters and inputs is answered from the cache.

    A pipeline runs its commands with your rights. What a compiled one runs besides Headrace's
    components is listed first; if you do not trust it, use --runner docker or podman.

    In a container, a task has no capabilities, and sees its inputs, its outputs and what --mount
    names. The options in HEADRACE_CONTAINER_FLAGS are added to the engine's.
    """
    # Imported here: `headrace run --help` needs none of it.
    from headrace.display.progress import ProgressDisplay
    from headrace.targets.local import engine
    from headrace.targets.local.run import run_from_command_line
    from headrace.targets.local.shared.container_options import ContainerOptions

    if pipeline is None and resume is None:
        raise InputError(
            "headrace run: it got neither a pipeline nor --resume. Name a pipeline to start a run, "
            "or a run to finish."
        )
    if resume is not None and (assignments or no_cache or like):
        raise InputError(
            "headrace run: --resume finishes a run with the parameters, the cache and the rules "
            "that it was started with, but got -p, --no-cache or --like. Leave them out, or start "
            "a new run."
        )
    containers = ContainerOptions(mounts=mounts, network=network, config=config)
    with ProgressDisplay() as observer:
        if resume is not None:
            given = None if containers == ContainerOptions() else containers
            result = engine.resume(
                resume,
                pipeline=pipeline,
                root=root,
                runner=runner,
                containers=given,
                metadata=metadata,
                observer=observer,
            )
        else:
            options = Options(
                root=root,
                runner=runner or "worker",
                containers=containers,
                use_cache=not no_cache,
                metadata=metadata,
                like=like or "kubeflow",
            )
            result = run_from_command_line(str(pipeline), assignments, options, observer)
    _report(result)
    if result.state == "interrupted":
        return EXIT_INTERRUPTED
    return 0 if result.state == "succeeded" else EXIT_TASK_FAILED


def _report(result: RunResult) -> None:
    """Prints where to find what the run made, on standard output."""
    for model in result.pushed_models:
        click.echo(f"Pushed model: {model}")
    for report in result.reports:
        click.echo(f"Report: {report}")
    click.echo(f"Logs: {result.logs}")
    if result.state != "succeeded":
        click.echo(f"To finish this run: {result.resume_command}")
