"""`headrace lineage`: shows runs, their inputs and their outputs."""

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from headrace.cli.flexible_group import FlexibleGroup
from headrace.contract.run_filter import EVERY_RUN, RunFilter
from headrace.contract.run_names import chosen, resolved
from headrace.contract.target import LineageReader, target_named
from headrace.display import lineage_view
from headrace.lineage.records import Execution, PipelineRun
from headrace.profiles.profile import read_profile
from headrace.target_registry import with_lineage, with_service
from headrace_components.contract.errors import InputError

_COMMAND = "headrace lineage run"
_ALL = 1_000_000_000
_DEFAULT_ROOT = "headrace_root"


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

    def run(self, text: str) -> tuple[PipelineRun, Sequence[Execution]]:
        """Returns the run that a text stands for, and its executions."""
        reader = self.reader()
        target = target_named(self.target)
        if target.name in with_service() and not self.metadata:
            run_id = resolved(target.runs(self.root, read_profile(self.config)), text, _COMMAND)
            return reader.run(run_id)

        def newest(which: RunFilter) -> Iterator[str]:
            runs = reader.runs(1 if which == EVERY_RUN else _ALL)
            return (run.run_id for run in runs if which.takes(_in_words_of_runs(run)))

        def ids(prefix: str) -> list[str]:
            try:
                return [reader.run(prefix)[0].run_id]
            except InputError:
                return [run.run_id for run in reader.runs(_ALL) if run.run_id.startswith(prefix)]

        return reader.run(chosen(text, newest, ids, _COMMAND))


def _in_words_of_runs(run: PipelineRun) -> PipelineRun:
    return dataclasses.replace(run, state={"complete": "succeeded"}.get(run.state, run.state))


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
    help="Root directory of the runs on this machine. Default: the one that --file names, else "
    f"{_DEFAULT_ROOT}.",
)
@click.option(
    "--file",
    metavar="PIPELINE.py[:name]",
    help="File of a TFX pipeline: its root and its database are taken.",
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
    context: click.Context,
    target: str,
    root: Path | None,
    file: str | None,
    metadata: str,
    config: Path | None,
) -> None:
    """Show runs with their inputs and outputs.

    The store may also be one that TFX wrote: --metadata sqlite:////path/to/metadata.db
    """
    if file is not None:
        from headrace.targets.local.runnable import defaults_of

        with redirect_stdout(sys.stderr):  # the output of the author's file is not part of ours
            defaults = defaults_of(file)
        # Another root has a database of its own.
        metadata = metadata or ("" if root else defaults.metadata)
        root = root or Path(defaults.root or _DEFAULT_ROOT)
    context.obj = _Source(
        target=target,
        root=(root or Path(_DEFAULT_ROOT)).absolute(),
        metadata=metadata,
        config=config,
    )


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
@click.argument("run_id", metavar="RUN")
@click.option("--parameters", is_flag=True, help="Show the parameters of the run and its tasks.")
@_as_json
@click.pass_obj
def run(source: _Source, run_id: str, parameters: bool, as_json: bool) -> None:
    """Show the tasks of RUN in the order in which they started.

    RUN is an ID or the beginning of one, or latest, latest-failed, latest-succeeded, alone or
    behind PIPELINE/.

    JSON: the run as in `runs`, and `executions`, a list of {id, run_id, task, component, state,
    started, seconds, parameters, inputs, outputs, reason}; inputs and outputs have, by port, lists
    of {id, type, uri, verdict}.
    """
    found, executions = source.run(run_id)
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
