"""`docs/cli.md`: every command with its arguments and options, from the commands themselves."""

import inspect
from collections.abc import Iterator

import click

from headrace.cli.main import cli

_TOP = """\
# Commands

What each command takes. `headrace COMMAND --help` says the same. `make generate` writes this page.
"""


def text() -> str:
    """Returns the page."""
    with click.Context(cli, info_name="headrace") as context:
        return "\n".join([_TOP, *_commands(cli, context)])


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        with click.Context(command, info_name=name, parent=context) as inner:
            yield _command(command, inner)
            if isinstance(command, click.Group):
                yield from _commands(command, inner)


def _command(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    rows = [
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) and record[1] and record[0] != "--help"
    ]
    table = ["| Option | |", "|---|---|", *(f"| {_code(a)} | {_cell(b)} |" for a, b in rows)]
    depth = "#" * (context.command_path.count(" ") + 1)
    parts = [
        f"{depth} {context.command_path}\n",
        f"    Usage: {usage}\n",
        f"{inspect.cleandoc(command.help or '')}\n",
        *(["\n".join(table) + "\n"] if rows else []),
    ]
    return "\n".join(parts)


def _code(words: str) -> str:
    return f"`{words}`".replace("|", "\\|")


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")
