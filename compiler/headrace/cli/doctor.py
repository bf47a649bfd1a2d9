"""`headrace doctor`: shows what this machine can run, and what is missing."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from headrace.cli.doctor_checks import all_checks
from headrace.cli.remote_options import config_option
from headrace.contract.checks import Check
from headrace.display.lineage_view import fitting_console
from headrace.target_registry import with_checks

EXIT_BROKEN = 1

_STYLES = {"ok": "green", "missing": "yellow", "broken": "bold red"}


@click.command()
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=Path("headrace_root"),
    show_default=True,
    help="Root directory for runs.",
)
@click.option(
    "--target",
    type=click.Choice(with_checks()),
    help="Look at the cluster too, the current context of your kubeconfig.",
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def doctor(root: Path, target: str | None, config: Path | None, as_json: bool) -> int:
    """Show what this machine can run, and what is missing.

    Exit code 0, or 1 when Python, Headrace or the embedded environment is broken. If something is
    only missing, its line says what you cannot do without it.

    JSON: {ok, checks}, where checks is a list of {name, state, found, enables, advice} and state is
    ok, missing or broken.
    """
    checks = all_checks(root.absolute())
    if target is not None:
        # Imported here: a machine is looked at without what a target needs.
        from headrace.contract.target import target_named

        checks += target_named(target).checks(config)
    is_broken = any(check.state == "broken" for check in checks)
    if as_json:
        report = {"ok": not is_broken, "checks": [dataclasses.asdict(check) for check in checks]}
        click.echo(json.dumps(report, indent=2))
    else:
        _show(fitting_console(), checks)
    return EXIT_BROKEN if is_broken else 0


def _show(console: Console, checks: Sequence[Check]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        lines = [escape(check.found)]
        if check.state != "ok":
            lines += [
                f"[dim]without it, you cannot[/] {escape(check.enables)}",
                escape(check.advice),
            ]
        style = _STYLES[check.state]
        table.add_row(f"[{style}]{check.state}[/]", escape(check.name), "\n".join(lines))
    console.print(table)
