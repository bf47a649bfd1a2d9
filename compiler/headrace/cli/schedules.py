"""`headrace schedules`: the schedules that `headrace submit --schedule` made."""

import dataclasses
from pathlib import Path

import click

from headrace.cli.flexible_group import FlexibleGroup
from headrace.cli.remote_options import (
    config_option,
    echo_json,
    echo_table,
    json_option,
    remote_of,
    target_option,
)
from headrace.display.outcomes import utc


@click.group(cls=FlexibleGroup)
def schedules() -> None:
    """List, pause, resume and delete schedules on Vertex AI or Kubeflow."""


@schedules.command("list")
@target_option
@config_option
@json_option
def list_schedules(target: str, config: Path | None, as_json: bool) -> None:
    """List the schedules, the newest first.

    JSON: a list of {id, name, state, cron, link, next_run}.
    """
    found = remote_of(target, config).schedules()
    if as_json:
        echo_json([dataclasses.asdict(each) for each in found])
        return
    rows = [(utc(each.next_run), each.state, each.cron, each.name, each.id) for each in found]
    echo_table([("NEXT RUN (UTC)", "STATE", "CRON", "NAME", "SCHEDULE"), *rows])


@schedules.command()
@click.argument("schedule_id", metavar="SCHEDULE")
@target_option
@config_option
def pause(schedule_id: str, target: str, config: Path | None) -> None:
    """Start no more runs of SCHEDULE until it is resumed."""
    remote_of(target, config).pause(schedule_id)
    click.echo(f"Schedule {schedule_id} is paused.")


@schedules.command()
@click.argument("schedule_id", metavar="SCHEDULE")
@target_option
@config_option
def resume(schedule_id: str, target: str, config: Path | None) -> None:
    """Start runs of SCHEDULE again."""
    remote_of(target, config).resume(schedule_id)
    click.echo(f"Schedule {schedule_id} is active.")


@schedules.command()
@click.argument("schedule_id", metavar="SCHEDULE")
@target_option
@config_option
def delete(schedule_id: str, target: str, config: Path | None) -> None:
    """Delete SCHEDULE. Its runs stay."""
    remote_of(target, config).delete_schedule(schedule_id)
    click.echo(f"Schedule {schedule_id} is deleted.")
