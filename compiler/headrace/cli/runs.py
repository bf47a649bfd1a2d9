"""`headrace runs`: shows runs on Vertex AI or Kubeflow, and ends them."""

import dataclasses
from pathlib import Path

import click

from headrace.cli.flexible_group import FlexibleGroup
from headrace.cli.remote_options import (
    EXIT_INTERRUPTED,
    config_option,
    echo_json,
    echo_table,
    json_option,
    options_of,
    pause_option,
    remote_of,
    target_option,
    utc,
    watched,
)
from headrace_components.contract.errors import InputError


@click.group(cls=FlexibleGroup)
def runs() -> None:
    """List, watch, read, cancel and delete runs on Vertex AI or Kubeflow."""


@runs.command("list")
@target_option
@config_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Maximum number of runs.",
)
@json_option
def list_runs(target: str, config: Path | None, limit: int, as_json: bool) -> None:
    """List the latest runs, the newest first.

    JSON: a list of {id, name, state, link, created, seconds}.
    """
    found = remote_of(target, config).runs(limit)
    if as_json:
        fields = ("id", "name", "state", "link", "created", "seconds")
        echo_json([{name: getattr(run, name) for name in fields} for run in found])
        return
    rows = [(utc(run.created), run.state, run.name, run.id) for run in found]
    echo_table([("CREATED (UTC)", "STATE", "NAME", "RUN"), *rows])


@runs.command()
@click.argument("run_id", metavar="RUN")
@target_option
@config_option
@json_option
def show(run_id: str, target: str, config: Path | None, as_json: bool) -> None:
    """Show the state of RUN, and its tasks with their logs.

    JSON: {id, name, state, link, created, seconds, message, tasks}, each task {name, state,
    seconds, pending_seconds, message, notices, log}.
    """
    from headrace.contract.target import target_named

    run = remote_of(target, config).describe(run_id)
    if as_json:
        echo_json(dataclasses.asdict(run))
        return
    click.echo(f"{run.id} {run.state}, made {utc(run.created)} UTC")
    click.echo(f"Page: {run.link}")
    if run.message:
        click.echo(run.message)
    width = max((len(task.name) for task in run.tasks), default=0)
    for task in run.tasks:
        seconds = f"  {task.seconds:.0f}s" if task.state != "waiting" else ""
        waits = f", its pod waits for {task.pending_seconds:.0f}s" if task.pending_seconds else ""
        click.echo(f"{task.name:<{width}}  {task.state}{seconds}{waits}")
        for line in (*task.message.splitlines(), *task.notices, task.log):
            if line:
                click.echo(f"    {line}")
    if target_named(target).has_logs and any(task.state == "failed" for task in run.tasks):
        click.echo(f"Their logs: headrace runs logs {options_of(target, config)} {run_id}")


@runs.command()
@click.argument("run_id", metavar="RUN")
@target_option
@config_option
@pause_option
def watch(run_id: str, target: str, config: Path | None, pause_seconds: float | None) -> int:
    """Show the progress of RUN until it ends."""
    return watched(remote_of(target, config), run_id, target, config, pause_seconds)


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.argument("task", required=False)
@target_option
@config_option
@click.option("-f", "--follow", is_flag=True, help="Print new lines until the tasks end.")
@pause_option
def logs(
    run_id: str,
    task: str | None,
    target: str,
    config: Path | None,
    follow: bool,
    pause_seconds: float | None,
) -> int:
    """Print the log of TASK, or the logs of all tasks of RUN that have one.

    TASK is a name that `headrace runs show` prints. If a task was tried again, the log is that of
    the latest attempt; if its driver failed, it is that of the driver.
    """
    from headrace.cli.interrupts import interruptible
    from headrace.targets.remote.logs import follow_logs, print_logs

    remote = remote_of(target, config)
    if not follow:
        print_logs(remote, run_id, task, click.echo)
        return 0
    try:
        with interruptible():
            follow_logs(remote, run_id, task, click.echo, pause_seconds)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


@runs.command()
@click.argument("run_id", metavar="RUN")
@target_option
@config_option
def cancel(run_id: str, target: str, config: Path | None) -> None:
    """End RUN and its running tasks."""
    remote = remote_of(target, config)
    run = remote.describe(run_id)
    if run.is_over:
        raise InputError(
            f"headrace runs cancel: run {run_id!r} is over ({run.state}). There "
            "is nothing to cancel."
        )
    remote.cancel(run_id)
    click.echo(f"Run {run_id} is being cancelled.")


@runs.command()
@click.argument("run_id", metavar="RUN")
@target_option
@config_option
def delete(run_id: str, target: str, config: Path | None) -> None:
    """Delete the record of RUN, which must have ended. Its artifacts stay."""
    remote_of(target, config).delete(run_id)
    click.echo(f"Run {run_id} is deleted.")
