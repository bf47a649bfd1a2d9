"""`headrace lineage`: shows runs, their inputs and their outputs."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from headrace.cli.flexible_group import FlexibleGroup
from headrace.contract.target import LineageReader, target_named
from headrace.display import lineage_view
from headrace.target_registry import with_lineage
from headrace_components.contract.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    target: str
    root: Path
    metadata: str
    config: Path | None

    def reader(self) -> LineageReader:
        reader = target_named(self.target).lineage(self.root, self.metadata, self.config)
        if reader is None:
            raise InputError(f"lineage: target {self.target!r} has none here. Name another.")
        return reader


@click.group(cls=FlexibleGroup)
@click.option(
    "--target",
    type=click.Choice(with_lineage()),
    default="local",
    show_default=True,
    help="The target of the runs.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("headrace_root"),
    show_default=True,
    help="Root directory of the runs on this machine.",
)
@click.option(
    "--metadata",
    metavar="URL",
    default="",
    help="Metadata store, if it is not in the root: sqlite:////file, or "
    "mysql://user@host/database with the password in HEADRACE_METADATA_PASSWORD; for kubeflow "
    "grpc://host:port, if it cannot be found through the cluster.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="headrace.toml",
    help="Target profile that names the cluster. Default: headrace.toml of the current "
    "directory, if it exists.",
)
@click.pass_context
def lineage(
    context: click.Context, target: str, root: Path, metadata: str, config: Path | None
) -> None:
    """Show runs with their inputs and outputs.

    The store may also be one that TFX wrote: --metadata sqlite:////path/to/metadata.db
    """
    context.obj = _Source(target=target, root=root.absolute(), metadata=metadata, config=config)


_as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs; the fields stay as they are."
)


@lineage.command()
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Maximum number of runs.",
)
@_as_json
@click.pass_obj
def runs(source: _Source, limit: int, as_json: bool) -> None:
    """List the latest runs, newest first.

    JSON: a list of {run_id, pipeline, state, started, seconds, tasks, parameters}.
    """
    found = source.reader().runs(limit)
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

    JSON: the run as in `runs`, and `executions`, a list of {id, run_id, task, component, state,
    started, seconds, parameters, inputs, outputs, reason}; inputs and outputs have, by port, lists
    of {id, type, uri, verdict}.
    """
    found, executions = source.reader().run(run_id)
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
    """Show the artifact at URI: its producer, its consumers, and the way back to the raw data.

    URI may be a path relative to --root, a file inside the artifact, or an id.

    JSON: {id, type, uri, created, metadata, producer, consumers, reused_by, ancestors}; the last
    four are executions as in `run`, `ancestors` from the raw data to the producer.
    """
    found = source.reader().artifact(uri, source.root)
    if as_json:
        _print_json(dataclasses.asdict(found))
    else:
        lineage_view.show_artifact(lineage_view.fitting_console(), found, source.root)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
