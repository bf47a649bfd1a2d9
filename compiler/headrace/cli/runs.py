"""`headrace runs`: shows runs on this machine, Vertex AI or Kubeflow, and ends them."""

import dataclasses
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

import click

from headrace.cli.flexible_group import FlexibleGroup
from headrace.cli.logs import logs
from headrace.cli.remote_options import echo_json, echo_line, echo_table, json_option, pause_option
from headrace.cli.run_options import RunPlace, place_line, place_options, watched
from headrace.contract.run_filter import EVERY_RUN, RunFilter
from headrace.display.outcomes import duration, utc
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
    place: RunPlace,
    pipeline: str,
    state: str,
    assignments: Sequence[str],
    limit: int,
    as_json: bool,
) -> None:
    """List the latest runs, the newest first.

    The table has the first metrics, and the parameters that differ between the runs of a pipeline.

    JSON: a list of {id, name, pipeline, state, link, created, seconds, parameters, message, source,
    verdicts, metrics}; verdicts are {task, text, is_good, reasons}, metrics {task, name, value,
    baseline}.
    """
    from headrace.display.runs.tables import list_rows

    which = RunFilter(
        pipeline=pipeline, state=_checked(state), parameters=dict(map(_assigned, assignments))
    )
    found = place.runs().runs(limit, which)
    if as_json:
        echo_json([_listed(run) for run in found])
        return
    if found:
        echo_table(list_rows(found))
    else:
        click.echo("No runs yet." if which == EVERY_RUN else "No such runs.")


def _listed(run: "ServiceRun") -> dict[str, Any]:
    came = dataclasses.asdict(run.summary)
    return {**{name: getattr(run, name) for name in _LISTED}, **came}


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
def show(run_id: str, place: RunPlace, as_json: bool) -> None:
    """Show the state of RUN, its parameters, and its tasks with their logs.

    JSON: the run as in `list`, and `tasks`, each {name, state, seconds, pending_seconds, message,
    notices, log, component, started, reason, parameters, inputs, outputs, values}; inputs and
    outputs have, by port, lists of {type, uri, metadata}.
    """
    from headrace.display.verdicts import summary_lines

    found, run_id = place.found(run_id, "headrace runs show")
    run = found.describe(run_id)
    if as_json:
        echo_json({**_listed(run), "tasks": [dataclasses.asdict(task) for task in run.tasks]})
        return
    echo_line(f"{run.id} {run.state}, made {utc(run.created)} UTC, took {duration(run.seconds)}")
    echo_line(place_line(run))
    if run.pipeline:
        echo_line(f"Pipeline: {run.pipeline}{f', from {run.source}' if run.source else ''}")
    for name, value in sorted(run.parameters.items()):
        echo_line(f"    {name} = {' '.join(str(value).split())}")
    for line in run.message.splitlines():
        echo_line(line)
    _show_tasks(run)
    for verdict_or_metrics in summary_lines(run.summary):
        echo_line(verdict_or_metrics.plain)
    if place.how().has_logs and any(task.state == "failed" for task in run.tasks):
        echo_line(f"Their logs: headrace runs logs{place.options} {run_id}")
    if place.is_here and run.state in ("failed", "interrupted"):
        source = f" {shlex.quote(run.source)}" if run.source and run.state == "failed" else ""
        echo_line(f"To finish it: headrace run{source}{place.options} --resume {run_id}")


def _show_tasks(run: "ServiceRun") -> None:
    width = max((len(task.name) for task in run.tasks), default=0)
    verdicts = {(each.task, each.text) for each in run.summary.verdicts}  # they come below
    for task in run.tasks:
        echo_line(f"{task.name:<{width}}  {task.state}{_words(task)}")
        log = task.log if task.state == "failed" or "://" in task.log else ""
        notices = (each for each in task.notices if (task.name, each) not in verdicts)
        for line in (*task.message.splitlines(), *notices, log):
            if line:
                echo_line(f"    {line}")


def _words(task: "ServiceTask") -> str:
    seconds = f"  {duration(task.seconds)}" if task.state not in ("waiting", "skipped") else ""
    waits = f", its pod waits for {task.pending_seconds:.0f}s" if task.pending_seconds else ""
    return f"{seconds}{waits}{f'  {task.reason}' if task.reason else ''}"


@runs.command()
@click.argument("run_ids", nargs=-1, required=True, metavar="RUN RUN...")
@place_options
@click.option("--only-differences", is_flag=True, help="Leave out what is the same in all runs.")
@click.option("--markdown", is_flag=True, help="Print a table in Markdown, for a pull request.")
@json_option
def compare(
    run_ids: Sequence[str], place: RunPlace, only_differences: bool, markdown: bool, as_json: bool
) -> None:
    """Show the parameters, verdicts and metrics of runs beside each other.

    A row in which they differ begins with *, and a metric has its change against the first RUN.

    JSON: {runs, parameters, metrics, verdicts}: runs as in `list`, the others lists of {task, name,
    values, differs}.
    """
    from headrace.contract.run_names import resolved
    from headrace.display.runs import tables
    from headrace.display.runs.comparison import compared

    if len(run_ids) < 2:
        raise InputError(
            f"headrace runs compare: only {run_ids[0]!r} is given, expected two runs or more. Name "
            "another, such as latest-succeeded."
        )
    found = place.runs()
    whole = [resolved(found, each, "headrace runs compare") for each in run_ids]
    comparison = compared([found.describe(each) for each in whole])
    if as_json:
        groups = {name: getattr(comparison, name) for name in ("parameters", "metrics", "verdicts")}
        echo_json(
            {
                "runs": [_listed(run) for run in comparison.runs],
                **{
                    name: [{**dataclasses.asdict(row), "differs": row.differs} for row in rows]
                    for name, rows in groups.items()
                },
            }
        )
        return
    rows = tables.comparison_rows(comparison, only_differences=only_differences)
    if markdown:
        click.echo(tables.markdown(rows))
    else:
        echo_table(rows)


@runs.command()
@click.argument("run_id", metavar="RUN")
@place_options
@pause_option
def watch(run_id: str, place: RunPlace, pause_seconds: float | None) -> int:
    """Show the progress of RUN until it ends."""
    found, run_id = place.found(run_id, "headrace runs watch")
    return watched(found, run_id, place, pause_seconds)


@runs.command()
@click.argument("run_id", metavar="RUN")
@place_options
def cancel(run_id: str, place: RunPlace) -> None:
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
def delete(run_id: str, place: RunPlace, force: bool) -> None:
    """Delete RUN, which must have ended.

    On this machine that is its directory with all artifacts. On a service it is the record: the
    artifacts stay.
    """
    found, run_id = place.found(run_id, "headrace runs delete")
    found.delete(run_id, force=force)
    click.echo(f"Run {run_id} is deleted.")


runs.add_command(logs)
