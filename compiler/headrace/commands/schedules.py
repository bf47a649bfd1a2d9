"""`headrace schedules`: the schedules that `headrace submit --schedule` made."""

import dataclasses
from pathlib import Path

import click

from headrace.commands.remote_options import (
    config_option,
    echo_json,
    json_option,
    remote_of,
    target_option,
    utc,
)
from headrace.targets import Target


@click.group()
def schedules() -> None:
    """List, pause, resume and delete schedules on Vertex AI or Kubeflow."""


@schedules.command("list")
@target_option
@config_option
@json_option
def list_schedules(target: Target, config: Path | None, as_json: bool) -> None:
    """List the schedules, the newest first.

    JSON: a list of {id, name, state, cron, link, next_run}.
    """
    found = remote_of(target, config).schedules()
    if as_json:
        echo_json([dataclasses.asdict(each) for each in found])
        return
    click.echo(f"{'NEXT RUN (UTC)':<21}{'STATE':<11}{'CRON':<30}{'NAME':<24}SCHEDULE")
    for each in found:
        following = utc(each.next_run)
        click.echo(f"{following:<21}{each.state:<11}{each.cron:<30}{each.name:<24}{each.id}")


@schedules.command()
@click.argument("schedule_id", metavar="SCHEDULE")
@target_option
@config_option
def pause(schedule_id: str, target: Target, config: Path | None) -> None:
    """Start no more runs of SCHEDULE until it is resumed."""
    remote_of(target, config).pause(schedule_id)
    click.echo(f"Schedule {schedule_id} is paused.")


@schedules.command()
@click.argument("schedule_id", metavar="SCHEDULE")
@target_option
@config_option
def resume(schedule_id: str, target: Target, config: Path | None) -> None:
    """Start runs of SCHEDULE again."""
    remote_of(target, config).resume(schedule_id)
    click.echo(f"Schedule {schedule_id} is active.")


@schedules.command()
@click.argument("schedule_id", metavar="SCHEDULE")
@target_option
@config_option
def delete(schedule_id: str, target: Target, config: Path | None) -> None:
    """Delete SCHEDULE. Its runs stay."""
    remote_of(target, config).delete_schedule(schedule_id)
    click.echo(f"Schedule {schedule_id} is deleted.")
