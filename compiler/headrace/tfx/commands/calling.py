"""Calls `headrace` for a command of TFX's, and shows the call."""

import shlex
import subprocess
import sys
from collections.abc import Sequence

import click


def headrace(*words: str) -> int:
    """Runs a command of `headrace` with the output and the input of this one.

    Args:
        words: What stands behind `headrace`.

    Returns:
        Its exit code.
    """
    # The author sees what to write in place of TFX's command.
    click.echo(f"$ headrace {shlex.join(words)}", err=True)
    sys.stdout.flush()
    command = [sys.executable, "-m", "headrace.cli.main", *words]
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal has told it too, and it ends what it started


def options(**values: Sequence[str] | str) -> Sequence[str]:
    """Returns options with their values; those without a value are left out."""
    found: list[str] = []
    for name, given in values.items():
        for value in [given] if isinstance(given, str) else given:
            if value:
                found += [f"--{name.replace('_', '-')}", value]
    return found
