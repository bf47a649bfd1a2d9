"""`headrace submit`: starts a run, or makes a schedule of runs, on Vertex AI or Kubeflow."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.remote_options import (
    EXIT_INTERRUPTED,
    config_option,
    options_of,
    pause_option,
    target_option,
)
from headrace.cli.run_options import RunPlace, watched
from headrace_components.contract.errors import InputError

if TYPE_CHECKING:
    from headrace.contract.service import Timing


@click.command()
@click.argument("pipeline", metavar="PIPELINE.py[:name]")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- FLAGS]")
@target_option
@config_option
@click.option(
    "-p",
    "--parameter",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the run; lists and dicts as JSON. May be repeated. Takes precedence over "
    "the profile.",
)
@click.option(
    "--wait/--no-wait",
    default=True,
    help="Show the progress until the run ends (the default), or end when the run has started.",
)
@click.option("--run-id", default="", metavar="ID", help="The ID or name of the run.")
@click.option("--no-cache", is_flag=True, help="Run every task, even one that ran before.")
@pause_option
@click.option(
    "--schedule",
    "cron",
    metavar="CRON",
    help="Make a schedule instead, for example '0 3 * * *' for 3 o'clock every day.",
)
@click.option("--schedule-name", metavar="NAME", help="Default: the name of the pipeline.")
@click.option("--timezone", metavar="ZONE", help="For CRON, such as Europe/Paris. Default: UTC.")
@click.option("--start", metavar="TIME", help="No run starts before, such as 2026-01-31T12:00.")
@click.option("--end", metavar="TIME", help="No run starts after.")
@click.option(
    "--max-concurrent",
    type=click.IntRange(min=1),
    metavar="N",
    help="Maximum number of runs of the schedule at the same time. Default: 1.",
)
@click.option(
    "--catch-up",
    is_flag=True,
    help="Make up for missed runs of the schedule, for example while it was paused; on Kubeflow.",
)
def submit(
    pipeline: str,
    flags: tuple[str, ...],
    target: str,
    config: Path | None,
    assignments: tuple[str, ...],
    wait: bool,
    run_id: str,
    no_cache: bool,
    pause_seconds: float | None,
    cron: str | None,
    schedule_name: str | None,
    timezone: str | None,
    start: str | None,
    end: str | None,
    max_concurrent: int | None,
    catch_up: bool,
) -> int:
    """Run the pipeline of PIPELINE.py on Vertex AI or Kubeflow, and wait for it.

    Ctrl-C stops the waiting, not the run. The exit code is 1 if the run failed or was cancelled, 75
    if the service cannot be reached or refuses the account, and 130 after Ctrl-C. After 75 and 130,
    a run that has started goes on.
    """
    from headrace.cli.interrupts import interruptible
    from headrace.profiles.profile import read_profile
    from headrace.targets.remote.connecting import connect
    from headrace.targets.remote.ordering import order_of

    timing = _timing(cron, schedule_name, timezone, start, end, max_concurrent, catch_up)
    if timing is not None and run_id:
        raise InputError(
            f"headrace submit: it got --run-id {run_id!r} and --schedule, but each run of a "
            "schedule has a name of its own. Leave out one of them."
        )
    profile = read_profile(config)
    # Compiled first: nobody wants to sign in to hear of a typing error.
    order = order_of(
        pipeline,
        target,
        profile,
        assignments,
        run_id=run_id,
        use_cache=not no_cache,
        is_recurring=timing is not None,
        flags=flags,
    )
    for note in order.compiled.notes:
        click.echo(note, err=True)
    if order.fingerprints:
        click.echo(order.fingerprints, err=True)
    remote = connect(target, profile)
    if timing is not None:
        made = remote.schedule(order, timing)
        click.echo(f"Schedule: {made.id}")
        click.echo(f"Page: {made.link}")
        return 0
    try:
        with interruptible():
            run = remote.submit(order)
    except KeyboardInterrupt:
        click.echo(
            "\nInterrupted while the run was being started; `headrace runs list "
            f"{options_of(target, config)}` shows whether it exists.",
            err=True,
        )
        return EXIT_INTERRUPTED
    click.echo(f"Run: {run.id}")
    click.echo(f"Page: {run.link}")
    if not wait:
        return 0
    return watched(remote, run.id, RunPlace(target=target, config=config), pause_seconds)


def _timing(
    cron: str | None,
    name: str | None,
    timezone: str | None,
    start: str | None,
    end: str | None,
    max_concurrent: int | None,
    catch_up: bool,
) -> "Timing | None":
    from headrace.contract.service import Timing
    from headrace.targets.remote.cron import checked_cron

    if cron is None:
        given = {
            "--schedule-name": name,
            "--timezone": timezone,
            "--start": start,
            "--end": end,
            "--max-concurrent": max_concurrent,
            "--catch-up": catch_up or None,
        }
        unused = [option for option, value in given.items() if value is not None]
        if unused:
            raise InputError(
                f"headrace submit: {unused[0]} is of a schedule, but there is no --schedule. Add "
                f"one, for example --schedule '0 3 * * *', or leave out {unused[0]}."
            )
        return None
    first = _time("--start", start, timezone or "UTC")
    last = _time("--end", end, timezone or "UTC")
    if first and last and last <= first:
        raise InputError(
            f"headrace submit: --end is {end!r}, which is not after --start, {start!r}. Exchange "
            "them, or leave one out."
        )
    if last and not catch_up and last <= datetime.now(last.tzinfo):
        raise InputError(
            f"headrace submit: --end is {end!r}, which is over, so nothing would ever run. Give a "
            "later time, or leave it out."
        )
    return Timing(
        name=name or "",
        cron=checked_cron(cron),
        timezone=timezone or "UTC",
        start=first,
        end=last,
        max_concurrent=max_concurrent or 1,
        catch_up=catch_up,
    )


def _time(option: str, text: str | None, timezone: str) -> datetime | None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"headrace submit: --timezone is {timezone!r}, which this machine's database of time "
            "zones does not have. Give an IANA name, such as Europe/Paris."
        ) from error
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"headrace submit: {option} is {text!r}, expected a time as 2026-01-31T12:00. It is "
            "read in --timezone unless it ends in an offset, such as +02:00."
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=zone)
