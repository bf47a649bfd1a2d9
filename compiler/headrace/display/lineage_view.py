"""Shows runs, tasks and artifacts of `headrace lineage` to people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from headrace.lineage.records import (
    ArtifactLineage,
    ArtifactRef,
    Execution,
    Id,
    PipelineRun,
    short_uri,
)

_STYLES = {
    "done": "green",
    "complete": "green",
    "cached": "cyan",
    "failed": "red",
    "interrupted": "red",
    "canceled": "yellow",
    "running": "blue",
}

# Parameters that name the source of data that no execution wrote.
_SOURCES = ("input_base", "schema_file", "artifact_uri", "uri")


def fitting_console() -> Console:
    """Returns a console that fits the terminal, or allows long lines if there is none."""
    # For a pipe or a file, Rich would use 80 columns and cut the text that `grep` searches.
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=10_000)


def show_runs(console: Console, runs: Sequence[PipelineRun]) -> None:
    """Prints one line per run."""
    if not runs:
        console.print("No runs yet.")
        return
    table = _table("run", "pipeline", "state", "started", "seconds", "tasks")
    for run in runs:
        tasks = ", ".join(f"{count} {state}" for state, count in sorted(run.tasks.items()))
        table.add_row(
            escape(run.run_id),
            escape(run.pipeline),
            _state(run.state),
            _local(run.started),
            _seconds(run.seconds),
            tasks,
        )
    console.print(table)


def show_run(
    console: Console,
    run: PipelineRun,
    executions: Sequence[Execution],
    root: Path,
    *,
    with_parameters: bool,
) -> None:
    """Prints a run: a heading, then each task with its inputs and outputs."""
    console.print(
        f"[bold]{escape(run.run_id)}[/]  {escape(run.pipeline)}  {_state(run.state)}  "
        f"{_local(run.started)}  {_seconds(run.seconds)}"
    )
    if with_parameters:
        _show_values(console, run.parameters)
    for execution in executions:
        console.print()
        console.print(
            f"[bold]{escape(execution.task)}[/]  {_state(execution.state)}  "
            f"{_seconds(execution.seconds)}"
        )
        ports = [*execution.inputs, *execution.outputs]
        width = max(map(len, ports), default=0)
        for heading, found in (("in", execution.inputs), ("out", execution.outputs)):
            for port, refs in found.items():
                for ref in refs:
                    # Do not break lines at the terminal's edge, so that a URI can be copied as a
                    # whole.
                    line = f"  {heading:<3}  {escape(f'{port:<{width}}')}  {_ref(ref, root)}"
                    console.print(line, soft_wrap=True)
        if with_parameters:
            _show_values(console, execution.parameters)
        if execution.reason:
            console.print(f"  {execution.reason}", style="red", markup=False)


def show_artifact(console: Console, artifact: ArtifactLineage, root: Path) -> None:
    """Prints an artifact, its metadata, and the executions around it."""
    console.print(f"[bold]{escape(artifact.type)}[/]  {escape(short_uri(artifact.uri, root))}")
    console.print(f"  id {artifact.id}, recorded {_local(artifact.created)}")
    _show_values(console, artifact.metadata)
    console.print()
    made = "outside of any run" if artifact.producer is None else _name(artifact.producer)
    console.print(f"Made by  {made}")
    for heading, executions in (
        ("Used by", artifact.consumers),
        ("Handed on by", artifact.reused_by),
    ):
        for execution in executions:
            console.print(f"{heading}  {_name(execution)}")
    if artifact.producer is not None:
        console.print()
        console.print(_way_back(artifact, root))


def _way_back(artifact: ArtifactLineage, root: Path) -> Tree:
    """Returns the executions behind an artifact as a tree, each of them once, with its inputs."""
    # By URI: an importer has its own record for the output of another task.
    makers: dict[str, Execution] = {}
    for execution in artifact.ancestors:
        for refs in execution.outputs.values():
            for ref in refs:
                makers.setdefault(ref.uri, execution)
    tree = Tree(f"[bold]{escape(short_uri(artifact.uri, root))}[/]")
    shown: set[Id] = set()
    # Not recursive: a long history must not cause a RecursionError.
    to_show = [] if artifact.producer is None else [(tree, artifact.producer)]
    while to_show:
        branch, execution = to_show.pop()
        if execution.id in shown:
            branch.add(f"{_name(execution)} (above)")
            continue
        shown.add(execution.id)
        node = branch.add(f"{_name(execution)}{_raw_data(execution)}")
        for port, refs in execution.inputs.items():
            for ref in refs:
                leaf = node.add(f"{escape(port)}: {_ref(ref, root)}")
                maker = makers.get(ref.uri)
                if maker is not None and maker is not execution:
                    to_show.append((leaf, maker))
    return tree


def _raw_data(execution: Execution) -> str:
    if execution.inputs:
        return ""
    found = [
        f"{name} = {execution.parameters[name]}"
        for name in _SOURCES
        if execution.parameters.get(name)
    ]
    return f"  from {escape(', '.join(found))}" if found else ""


def _name(execution: Execution) -> str:
    run = f" of run {execution.run_id}" if execution.run_id else ""
    return (
        f"{escape(execution.task or execution.component)}{escape(run)} ({_state(execution.state)})"
    )


def _ref(ref: ArtifactRef, root: Path) -> str:
    verdict = f"  [bold]{escape(ref.verdict)}[/]" if ref.verdict else ""
    return f"{escape(short_uri(ref.uri, root))} [dim]{escape(ref.type)}[/]{verdict}"


def _show_values(console: Console, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        console.print(f"  [dim]{escape(name)}[/] = {escape(str(value))}", soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        # A run's id is there to be copied; the other columns give way.
        table.add_column(
            column,
            justify="right" if column == "seconds" else "left",
            overflow="fold",
            no_wrap=column == "run",
        )
    return table


def _state(state: str) -> str:
    style = _STYLES.get(state)
    return f"[{style}]{state}[/]" if style else state


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}s"


def _local(time: str) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
