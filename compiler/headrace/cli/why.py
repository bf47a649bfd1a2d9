"""`headrace why`: says why a task ran, or why it did not."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.remote_options import echo_json, json_option

if TYPE_CHECKING:
    from headrace.contract.explanations import Explanation

_KINDS = {"code": "", "parameter": "parameter ", "input": "input ", "output": "outputs "}


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("task", required=False)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("headrace_root"),
    show_default=True,
    help="Root directory of the runs on this machine.",
)
@json_option
def why(run_id: str, task: str | None, root: Path, as_json: bool) -> None:
    """Say why TASK of RUN ran, was answered by the cache, was skipped or failed.

    For a task that ran, it compares the key of the cache with that of the nearest earlier
    execution: parameters, functions of the module, inputs and why those changed. Without TASK it
    has a line for each task. RUN is an ID, the beginning of one, or a word such as latest.

    JSON: {run, task, state, text, by, changes}, without TASK a list of those; `changes` are {kind,
    name, text, because}, and `because` is the same for the task that made an input, or null.
    """
    from headrace.targets.local.explaining import explain, explain_all
    from headrace.targets.local.records.listing import find_run

    store = find_run(root.absolute(), run_id, "headrace why")
    if task is not None:
        found = explain(store, task)
        if as_json:
            echo_json(dataclasses.asdict(found))
        else:
            click.echo(f"In the run {found.run}:")
            _show(found, 0)
        return
    every = explain_all(store)
    if as_json:
        echo_json([dataclasses.asdict(each) for each in every])
        return
    for each in every:
        names = ", ".join(f"{_KINDS.get(c.kind, '')}{c.name}" for c in each.changes)
        click.echo(f"{each.task}: {each.text}{f' (changed: {names})' if names else ''}")


def _show(found: "Explanation", depth: int) -> None:
    space = "    " * depth
    click.echo(f"{space}{found.task} {found.text}.")
    if found.changes:
        what = "that attempt" if found.by == found.run else f"the run {found.by}"
        click.echo(f"{space}  Compared with {what}:")
    for change in found.changes:
        kind = _KINDS.get(change.kind, "")
        click.echo(f"{space}  - {kind}{change.name}{':' if kind else ''} {change.text}")
        if change.because is not None:
            _show(change.because, depth + 1)
