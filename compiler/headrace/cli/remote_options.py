"""Shared by the commands for services, and the form of what commands print."""

import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.target_registry import with_service

if TYPE_CHECKING:
    from headrace.contract.service import Remote

EXIT_RUN_FAILED = 1
EXIT_INTERRUPTED = 130  # a shell's exit code: 128 + SIGINT

target_option = click.option(
    "--target", type=click.Choice(with_service()), required=True, help="The service that runs it."
)
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="headrace.toml",
    help="Target profile. Default: headrace.toml of the current directory, if it exists.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
pause_option = click.option(
    "--poll",
    "pause_seconds",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="Time between checks. Default: half a second on this machine; on a service one second at "
    "first, ten seconds later.",
)


def echo_json(value: Any) -> None:
    """Prints JSON; times as ISO 8601."""
    click.echo(json.dumps(value, indent=2, default=datetime.isoformat))


def echo_table(rows: Sequence[Sequence[str]]) -> None:
    """Prints rows of text in columns of the necessary width; the first row is the heading.

    A terminal gets as much of each row as fits into a line.
    """
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    plain = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    for row in plain:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells)[:room].rstrip())


def echo_line(text: str) -> None:
    """Prints a line with names and values of somebody else."""
    click.echo(printable(text))


def printable(text: str) -> str:
    """Returns a text without what breaks a line or controls a terminal."""
    return "".join(each if each.isprintable() else "?" for each in text)


def options_of(target: str, config: Path | None) -> str:
    """Returns the options with which another command finds the same service."""
    return f"--target {target}" + (f" --config {shlex.quote(str(config))}" if config else "")


def remote_of(target: str, config: Path | None) -> "Remote":
    """Returns the service that a profile names for a target."""
    from headrace.profiles.profile import read_profile
    from headrace.targets.remote.connecting import connect

    return connect(target, read_profile(config))
