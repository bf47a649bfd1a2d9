"""`headrace convert`: writes the kfp pipeline file that does the same as a TFX pipeline."""

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from headrace_components.contract.errors import InputError


@click.command()
@click.argument("pipeline", metavar="FILE.py[:name]")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- FLAGS]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write. Default: standard output.",
)
def convert(pipeline: str, flags: tuple[str, ...], output: Path | None) -> None:
    """Write the kfp pipeline file that does the same as the TFX pipeline of FILE.py.

    The result compiles to the same pipeline as FILE.py itself. Module files are named relative to
    the written file, or to FILE.py if the result goes to standard output.
    """
    from headrace.frontend import loading

    if output is not None and output.exists() and output.samefile(loading.file_of(pipeline)):
        raise InputError(
            f"headrace convert: {str(output)!r} is the TFX file itself, which the result would "
            "replace. Choose another file."
        )
    with redirect_stdout(sys.stderr):  # the output of the author's file is not part of the text
        read = loading.read_tfx(
            pipeline, command="headrace convert", flags=flags, directory=output and output.parent
        )
    for note in read.notes:
        click.echo(note, err=True)
    if output is None:
        click.echo(read.rendered.text, nl=False)
        return
    try:
        output.write_text(read.rendered.text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"headrace convert: could not write {str(output)!r}: {error.strerror}. Make its "
            "directory, or choose another file."
        ) from error
    click.echo(f"Wrote {output}. Run it with: headrace run {output}", err=True)
