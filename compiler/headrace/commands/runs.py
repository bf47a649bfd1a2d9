"""`headrace runs`: what runs on Vertex AI or Kubeflow do, and how to end them."""

import dataclasses
from pathlib import Path

import click

from headrace.commands.remote_options import (
    config_option,
    echo_json,
    echo_table,
    json_option,
    pause_option,
    remote_of,
    target_option,
    utc,
    watched,
)
from headrace.targets import Target
from headrace_components.errors import InputError


@click.group()
def runs() -> None:
    """List, watch, cancel and delete runs on Vertex AI or Kubeflow."""


@runs.command("list")
@target_option
@config_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="How many.",
)
@json_option
def list_runs(target: Target, config: Path | None, limit: int, as_json: bool) -> None:
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
def show(run_id: str, target: Target, config: Path | None, as_json: bool) -> None:
    """Show where RUN stands, and its tasks with their logs.

    JSON: {id, name, state, link, created, seconds, message, tasks}, each task {name, state,
    seconds, message, log}.
    """
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
        click.echo(f"{task.name:<{width}}  {task.state}{seconds}")
        for line in (task.message, task.log):
            if line:
                click.echo(f"    {line}")


@runs.command()
@click.argument("run_id", metavar="RUN")
@target_option
@config_option
@pause_option
def watch(run_id: str, target: Target, config: Path | None, pause_seconds: float | None) -> int:
    """Show what happens in RUN until it is over."""
    return watched(remote_of(target, config), run_id, target, config, pause_seconds)


@runs.command()
@click.argument("run_id", metavar="RUN")
@target_option
@config_option
def cancel(run_id: str, target: Target, config: Path | None) -> None:
    """End RUN, with the tasks that are under way."""
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
def delete(run_id: str, target: Target, config: Path | None) -> None:
    """Delete the record of RUN, which is over. Its artifacts stay."""
    remote_of(target, config).delete(run_id)
    click.echo(f"Run {run_id} is deleted.")
