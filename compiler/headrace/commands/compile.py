"""`headrace compile`: a pipeline file in, a document for a target out."""

from pathlib import Path

import click

from headrace.targets import TARGETS, Target


@click.command()
@click.argument("pipeline", metavar="PIPELINE.py[:function]")
@click.option("--target", type=click.Choice(TARGETS), required=True, help="Where it will run.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="headrace.toml",
    help="Target profile; by default headrace.toml of the current directory, if there is one.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE",
    help="File to write; by default standard output.",
)
def compile(  # noqa: A001  the command's name is the function's
    pipeline: str, target: Target, config: Path | None, output: Path | None
) -> None:
    """Compile the pipeline of PIPELINE.py for a target.

    vertex gives a PipelineJob in JSON, kubeflow a pipeline in YAML, local a pipeline in JSON. A
    file with several pipelines needs the name of one, as in flights.py:retrain.
    """
    from headrace import frontend
    from headrace.compiler import compile_for
    from headrace.targets import read_profile

    compiled = compile_for(frontend.load(pipeline), target, read_profile(config))
    if output is None:
        click.echo(compiled.text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(compiled.text, "utf-8")
    click.echo(f"Wrote {output}.", err=True)
