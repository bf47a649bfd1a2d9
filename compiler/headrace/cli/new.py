"""`headrace new`: makes a project that runs as it is."""

import shlex
from pathlib import Path

import click

from headrace.cli.new_project import DEFAULT_TEMPLATE, TEMPLATES, write_project
from headrace_components.contract.errors import InputError


@click.command()
@click.argument("name", required=False, metavar="NAME")
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    default=DEFAULT_TEMPLATE,
    show_default=True,
    help="What the project begins with. --list describes them.",
)
@click.option("--list", "shows_list", is_flag=True, help="List the templates.")
def new(name: str | None, template: str, shows_list: bool) -> None:
    """Make a project that runs as it is, in the new directory NAME.

    It has a pipeline, the modules for features and model, small data, tests, a profile, and a
    workflow for GitHub. NAME may be a path; its last part is the name of the project.
    """
    # Import late: the help does not need it.
    from headrace.extras import is_installed

    if shows_list:
        for each, text in TEMPLATES.items():
            click.echo(f"{each:<{max(map(len, TEMPLATES)) + 2}}{text}")
        return
    if name is None:
        raise InputError(
            "headrace new: it got no name. Name the project, as in `headrace new fraud`; "
            "`headrace new --list` describes the templates."
        )
    directory = write_project(Path(name), template)
    click.echo(f"Made the project {directory.name} in {directory}, from the template {template}.")
    click.echo("\nThe next commands:\n")
    click.echo(f"  cd {shlex.quote(name)}")
    if not is_installed("tensorflow"):
        click.echo("  pip install -r requirements.txt   # once: TensorFlow and more, 3 GB")
    click.echo("  headrace run pipeline.py          # trains, tests and pushes a model")
    click.echo("  headrace ui                       # the run and its reports, in a browser")
    click.echo("  headrace serve latest             # the model, for requests")
    click.echo("\nREADME.md says which file has what.")
