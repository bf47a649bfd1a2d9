"""`headrace lineage`: what ran, from what, and what came out."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from headrace.backends.local.lineage_connection import default_url
from headrace.backends.local.lineage_query import LineageReader
from headrace.commands import lineage_view


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    root: Path
    url: str


@click.group()
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("headrace_root"),
    show_default=True,
    help="Directory that the runs were told to write to.",
)
@click.option(
    "--metadata",
    metavar="URL",
    help="Metadata store, where it is not the root's own: sqlite:////file, or mysql://...",
)
@click.pass_context
def lineage(context: click.Context, root: Path, metadata: str | None) -> None:
    """Show what runs read and wrote.

    The store may also be one that TFX wrote: --metadata sqlite:////path/to/metadata.db
    """
    context.obj = _Source(root=root.absolute(), url=metadata or default_url(root))


_as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs; the fields stay as they are."
)


@lineage.command()
@_as_json
@click.pass_obj
def runs(source: _Source, as_json: bool) -> None:
    """List the runs, newest first.

    JSON: a list of {run_id, pipeline, state, started, seconds, tasks, parameters}.
    """
    found = LineageReader(source.url).runs()
    if as_json:
        _print_json([dataclasses.asdict(run) for run in found])
    else:
        lineage_view.show_runs(lineage_view.fitting_console(), found)


@lineage.command()
@click.argument("run_id")
@click.option("--parameters", is_flag=True, help="Show the parameters of the run and its tasks.")
@_as_json
@click.pass_obj
def run(source: _Source, run_id: str, parameters: bool, as_json: bool) -> None:
    """Show the tasks of RUN_ID in the order in which they started.

    JSON: the run as `runs` has it, and `executions`, a list of {id, run_id, task, component,
    state, started, seconds, parameters, inputs, outputs, reason}; inputs and outputs hold, by port,
    lists of {id, type, uri}.
    """
    found, executions = LineageReader(source.url).run(run_id)
    if as_json:
        tasks = [dataclasses.asdict(execution) for execution in executions]
        _print_json({**dataclasses.asdict(found), "executions": tasks})
    else:
        lineage_view.show_run(
            lineage_view.fitting_console(),
            found,
            executions,
            source.root,
            with_parameters=parameters,
        )


@lineage.command()
@click.argument("uri")
@_as_json
@click.pass_obj
def artifact(source: _Source, uri: str, as_json: bool) -> None:
    """Show the artifact at URI: who made it, who used it, and the way back to the raw data.

    URI may be shortened to the part under --root, name a file inside the artifact, or be an id.

    JSON: {id, type, uri, created, metadata, producer, consumers, reused_by, ancestors}; the last
    four hold executions as `run` has them, `ancestors` from the raw data to the producer.
    """
    found = LineageReader(source.url).artifact(uri, source.root)
    if as_json:
        _print_json(dataclasses.asdict(found))
    else:
        lineage_view.show_artifact(lineage_view.fitting_console(), found, source.root)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
