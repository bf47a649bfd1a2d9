"""`headrace runs`: shows runs on this machine, Vertex AI or Kubeflow, and ends them."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

import click

from headrace.cli.flexible_group import FlexibleGroup
from headrace.cli.logs import logs
from headrace.cli.remote_options import echo_json, echo_table, json_option, pause_option, utc
from headrace.cli.run_options import Place, place_options, watched
from headrace.contract.run_filter import RunFilter
from headrace_components.contract.errors import InputError

if TYPE_CHECKING:
    from headrace.contract.service import ServiceRun, ServiceTask

_LISTED = (
    *("id", "name", "pipeline", "state", "link", "created", "seconds"),
    *("parameters", "message", "source"),
)


@click.group(cls=FlexibleGroup)
def runs() -> None:
    """List, compare, watch, read, cancel and delete runs, here or on Vertex AI or Kubeflow.

    RUN is an ID or the beginning of one. The words latest, latest-failed and latest-succeeded stand
    for the newest run, and PIPELINE/latest for the newest of a pipeline.
    """


@runs.command("list")
@place_options
@click.option("--pipeline", default="", metavar="NAME", help="Only runs of this pipeline.")
@click.option("--state", default="", metavar="STATE", help="Only runs in this state.")
@click.option(
    "-p",
    "--parameter",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only runs with this value of a parameter. May be repeated.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Maximum number of runs.",
)
@json_option
def list_runs(
    place: Place,
    pipeline: str,
    state: str,
    assignments: Sequence[str],
    limit: int,
    as_json: bool,
) -> None:
    """List the latest runs, the newest first.

    The table has the parameters whose values differ between the runs of a pipeline.

    JSON: a list of {id, name, pipeline, state, link, created, seconds, parameters, message,
    source}.
    """
    from headrace.display.run_tables import differing_parameters

    which = RunFilter(
        pipeline=pipeline, state=_checked(state), parameters=dict(map(_assigned, assignments))
    )
    found = place.runs().runs(limit, which)
    if as_json:
        echo_json([{name: getattr(run, name) for name in _LISTED} for run in found])
        return
    shown = differing_parameters(found)
    rows = [
        (utc(run.created), run.state, run.name, run.id, words)
        for run, words in zip(found, shown, strict=True)
    ]
    echo_table([("CREATED (UTC)", "STATE", "NAME", "RUN", "PARAMETERS"), *rows])


def _checked(state: str) -> str:
    from headrace.contract.service import ServiceRunState

    states = get_args(ServiceRunState)
    if state and state not in states:
        raise InputError(
            f"headrace runs list: --state is {state!r}, expected one of {list(states)}. Name one."
        )
    return state


def _assigned(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise InputError(
            f"headrace runs list: -p got {text!r}, expected name=value, such as train_steps=200. "
            "Name a parameter and its value."
        )
    return name, value


@runs.command()
@click.argument("run_id", metavar="RUN")
@place_options
@json_option
def show(run_id: str, place: Place, as_json: bool) -> None:
    """Show the state of RUN, its parameters, and its tasks with their logs.

    JSON: the run as in `list`, and `tasks`, each {name, state, seconds, pending_seconds, message,
    notices, log, component, started, reason, parameters, inputs, outputs, values}; inputs and
    outputs have, by port, lists of {type, uri, metadata}.
    """
    found, run_id = place.found(run_id, "headrace runs show")
    run = found.describe(run_id)
    if as_json:
        echo_json(dataclasses.asdict(run))
        return
    click.echo(f"{run.id} {run.state}, made {utc(run.created)} UTC")
    click.echo(f"Page: {run.link}")
    if run.pipeline:
        click.echo(f"Pipeline: {run.pipeline}{f', from {run.source}' if run.source else ''}")
    for name, value in sorted(run.parameters.items()):
        click.echo(f"    {name} = {value}")
    if run.message:
        click.echo(run.message)
    _show_tasks(run)
    if place.how().has_logs and any(task.state == "failed" for task in run.tasks):
        click.echo(f"Their logs: headrace runs logs{place.options} {run_id}")


def _show_tasks(run: "ServiceRun") -> None:
    width = max((len(task.name) for task in run.tasks), default=0)
    for task in run.tasks:
        click.echo(f"{task.name:<{width}}  {task.state}{_words(task)}")
        for line in (*task.message.splitlines(), *task.notices, task.log):
            if line:
                click.echo(f"    {line}")


def _words(task: "ServiceTask") -> str:
    seconds = f"  {task.seconds:.0f}s" if task.state not in ("waiting", "skipped") else ""
    waits = f", its pod waits for {task.pending_seconds:.0f}s" if task.pending_seconds else ""
    return f"{seconds}{waits}{f'  {task.reason}' if task.reason else ''}"


@runs.command()
@click.argument("run_id", metavar="RUN")
@place_options
@pause_option
def watch(run_id: str, place: Place, pause_seconds: float | None) -> int:
    """Show the progress of RUN until it ends."""
    found, run_id = place.found(run_id, "headrace runs watch")
    return watched(found, run_id, place, pause_seconds)


@runs.command()
@click.argument("run_id", metavar="RUN")
@place_options
def cancel(run_id: str, place: Place) -> None:
    """End RUN and its running tasks."""
    found, run_id = place.found(run_id, "headrace runs cancel")
    run = found.describe(run_id)
    if run.is_over:
        raise InputError(
            f"headrace runs cancel: run {run_id!r} is over ({run.state}). There "
            "is nothing to cancel."
        )
    found.cancel(run_id)
    click.echo(f"Run {run_id} is being cancelled.")


@runs.command()
@click.argument("run_id", metavar="RUN")
@place_options
@click.option(
    "--force", is_flag=True, help="Delete also what other runs have taken from the cache."
)
def delete(run_id: str, place: Place, force: bool) -> None:
    """Delete RUN, which must have ended.

    On this machine that is its directory with all artifacts. On a service it is the record: the
    artifacts stay.
    """
    found, run_id = place.found(run_id, "headrace runs delete")
    found.delete(run_id, force=force)
    click.echo(f"Run {run_id} is deleted.")


runs.add_command(logs)
