"""`headrace schedules`: the schedules that `headrace submit --schedule` made."""

from pathlib import Path

import click

from headrace.commands.remote_options import config_option, remote_of, target_option
from headrace.targets import Target


@click.group()
def schedules() -> None:
    """List, pause, resume and delete schedules on Vertex AI or Kubeflow."""


@schedules.command("list")
@target_option
@config_option
def list_schedules(target: Target, config: Path | None) -> None:
    """List the schedules, the newest first."""
    found = remote_of(target, config).schedules()
    click.echo(f"{'NEXT RUN':<22}{'STATE':<11}{'CRON':<30}{'NAME':<24}SCHEDULE")
    for each in found:
        following = f"{each.next_run:%Y-%m-%d %H:%M:%S}" if each.next_run else "-"
        click.echo(f"{following:<22}{each.state:<11}{each.cron:<30}{each.name:<24}{each.id}")


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
