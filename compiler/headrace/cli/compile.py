"""`headrace compile`: turns a pipeline file into a document for a target."""

import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from headrace.cli.remote_options import options_of
from headrace.target_registry import TARGETS


@click.command()
@click.argument("pipeline", metavar="PIPELINE.py[:name]")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- FLAGS]")
@click.option(
    "--target", type=click.Choice(list(TARGETS)), required=True, help="The target that will run it."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="headrace.toml",
    help="Target profile. Default: headrace.toml of the current directory, if it exists.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File to write. Default: standard output.",
)
def compile(  # noqa: A001  the command's name is the function's
    pipeline: str, flags: tuple[str, ...], target: str, config: Path | None, output: Path | None
) -> None:
    """Compile the pipeline of PIPELINE.py for a target.

    The result is a PipelineJob in JSON for vertex, a pipeline in YAML for kubeflow, and a pipeline
    in JSON for local. If a file has several pipelines, name one, as in flights.py:retrain. A file
    that builds a TFX pipeline may need flags of its own: they stand behind `--`.
    """
    from headrace.compilation.compiler import compile_for
    from headrace.frontend import loading
    from headrace.profiles.profile import read_profile

    profile = read_profile(config)
    with redirect_stdout(sys.stderr):  # the output of the author's file is not part of the document
        source = loading.load(pipeline, flags=flags)
    compiled = compile_for(source, target, profile)
    for note in compiled.notes:
        click.echo(note, err=True)
    if output is None:
        click.echo(compiled.text, nl=False)
        return
    compiled.write(output)
    click.echo(f"Wrote {output}.", err=True)
    if TARGETS[target].has_service:
        submit = f"headrace submit {shlex.quote(pipeline)} {options_of(target, config)}"
        if flags:
            submit += f" -- {shlex.join(flags)}"
        click.echo(f"Run it with: {submit}", err=True)
