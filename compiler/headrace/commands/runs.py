"""`headrace runs`: what runs on Vertex AI or Kubeflow do, and how to end them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.commands.remote_options import (
    config_option,
    pause_option,
    remote_of,
    target_option,
    watched,
)
from headrace.targets import Target

if TYPE_CHECKING:
    from headrace.backends.remote.model import Run


@click.group()
def runs() -> None:
    """List, watch, cancel and delete runs on Vertex AI or Kubeflow."""


@runs.command("list")
@target_option
@config_option
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Most."
)
def list_runs(target: Target, config: Path | None, limit: int) -> None:
    """List the latest runs, the newest first."""
    found = remote_of(target, config).runs(limit)
    click.echo(f"{'CREATED':<22}{'STATE':<12}RUN")
    for run in found:
        click.echo(f"{_created(run):<22}{run.state:<12}{run.id}")


@runs.command()
@click.argument("run_id", metavar="RUN")
@target_option
@config_option
def show(run_id: str, target: Target, config: Path | None) -> None:
    """Show the state of RUN, and of its tasks with their logs."""
    run = remote_of(target, config).describe(run_id)
    click.echo(f"{run.id}  {run.state}  {_created(run)}")
    click.echo(f"Page: {run.link}")
    if run.message:
        click.echo(run.message)
    for task in run.tasks:
        click.echo(f"{task.name}  {task.state}  {task.seconds:.0f}s")
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
    remote_of(target, config).cancel(run_id)
    click.echo(f"Run {run_id} is being cancelled.")


@runs.command()
@click.argument("run_id", metavar="RUN")
@target_option
@config_option
def delete(run_id: str, target: Target, config: Path | None) -> None:
    """Delete the record of RUN, which is over. Its artifacts stay."""
    remote_of(target, config).delete(run_id)
    click.echo(f"Run {run_id} is deleted.")


def _created(run: "Run") -> str:
    return f"{run.created:%Y-%m-%d %H:%M:%S}" if run.created else "-"
