"""Options before and after the name of a command, in every group of `headrace`."""

import importlib
from collections.abc import Sequence
from typing import Any

import click
import pytest
from click.testing import CliRunner

from headrace.cli import main
from headrace.cli.flexible_group import FlexibleGroup


@click.group(cls=FlexibleGroup)
@click.option("--target", default="local")
@click.option("--pair", nargs=2)
@click.option("-v", "--verbose", is_flag=True)
@click.pass_context
def things(context: click.Context, target: str, pair: Any, verbose: bool) -> None:
    context.obj = (target, pair, verbose)


@things.command()
@click.argument("name")
@click.argument("rest", nargs=-1)
@click.option("--limit", type=int, default=5)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(of_group: Any, name: str, rest: Sequence[str], limit: int, as_json: bool) -> None:
    click.echo(repr((of_group, name, list(rest), limit, as_json)))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("show x --target kubeflow", (("kubeflow", None, False), "x", [], 5, False)),
        ("--target=kubeflow show x", (("kubeflow", None, False), "x", [], 5, False)),
        ("show --target=kubeflow x", (("kubeflow", None, False), "x", [], 5, False)),
        ("--limit 3 --json show x", (("local", None, False), "x", [], 3, True)),
        ("--limit=3 show x -v --json", (("local", None, True), "x", [], 3, True)),
        ("show x --pair show y", (("local", ("show", "y"), False), "x", [], 5, False)),
        ("--target show show show", (("show", None, False), "show", [], 5, False)),
        ("show x -- --target y", (("local", None, False), "x", ["--target", "y"], 5, False)),
        ("show -- --json", (("local", None, False), "--json", [], 5, False)),
    ],
)  # fmt: skip
def test_an_option_may_stand_on_either_side(words: str, expected: Any) -> None:
    result = CliRunner().invoke(things, words.split())

    assert result.output == f"{expected!r}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("shwo x --target kubeflow", "No such command 'shwo'"),
        ("show x --tarket kubeflow", "No such option"),
        ("--tarket kubeflow show x", "No such option"),
        ("show x --limit", "Option '--limit' requires an argument"),
        ("show", "Missing argument 'NAME'"),
    ],
)
def test_what_is_wrong_is_said_as_before(words: str, message: str) -> None:
    result = CliRunner().invoke(things, words.split())

    assert result.exit_code == 2
    assert message in result.output


def test_help_is_that_of_the_word_before_it() -> None:
    assert "Usage: things show" in CliRunner().invoke(things, ["show", "--help"]).output
    assert "Usage: things [OPTIONS] COMMAND" in CliRunner().invoke(things, ["--help"]).output


def test_every_group_of_headrace_is_one() -> None:
    commands = [
        getattr(importlib.import_module(f"headrace.cli.{name}"), name) for name in main._COMMANDS
    ]
    groups = [command for command in commands if isinstance(command, click.Group)]

    assert {group.name for group in groups} == {"runs", "schedules", "lineage", "images"}
    assert all(isinstance(group, FlexibleGroup) for group in groups)
