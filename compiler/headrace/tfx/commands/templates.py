"""`tfx template`: copies a project to begin with."""

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path

import click

from headrace.errors import CompileError

_TEMPLATES = Path(__file__).parent.parent / "templates"
_NAME = "{{PIPELINE_NAME}}"
_RENAMED = {"gitignore": ".gitignore"}  # no package has hidden files
_NUM_ROWS = 1000


def show() -> None:
    """Prints the names of the templates."""
    click.echo("Available templates:")
    for name in _names():
        click.echo(f"- {name}")


def copy(model: str, pipeline_name: str, destination: str) -> None:
    """Copies a template.

    Args:
        model: Name of the template.
        pipeline_name: The name of the pipeline in it.
        destination: The directory of the project, made if it is not there.

    Raises:
        CompileError: There is no such template, or a file of the project would be lost.
    """
    if model not in _names():
        raise CompileError(
            f"tfx template copy: --model is {model!r}, expected one of {_names()}. Copy one, or "
            "take your own files: they need no template."
        )
    if not pipeline_name or any(each in pipeline_name for each in "\"'\\\n"):
        raise CompileError(
            f"tfx template copy: --pipeline_name is {pipeline_name!r}, expected a name without "
            "quotes and backslashes."
        )
    folder = Path(destination)
    files = dict(_files(_TEMPLATES / model, pipeline_name))
    for name, content in files.items():
        file = folder / name
        if file.exists() and (not file.is_file() or file.read_text("utf-8") != content):
            raise CompileError(
                f"tfx template copy: {file} is there already and differs from the template. Give "
                "another --destination_path, or remove the file."
            )
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    click.echo(f"Copied the template {model!r} to {folder}: {len(files)} files.")


def _names() -> list[str]:
    return sorted(each.name for each in _TEMPLATES.iterdir() if each.is_dir())


def _files(folder: Path, pipeline_name: str) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            name = file.relative_to(folder).as_posix()
            yield _RENAMED.get(name, name), file.read_text("utf-8").replace(_NAME, pipeline_name)
    yield "data/data.csv", _trips()


def _trips() -> str:
    """Returns made-up trips by taxi: who pays by card for a short trip usually gives a tip."""
    random_numbers = random.Random(7)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trip_start_hour", "company", "payment_type", "trip_miles", "fare", "tipped"])
    for _ in range(_NUM_ROWS):
        miles = round(random_numbers.expovariate(1 / 4) + 0.3, 2)
        payment = random_numbers.choice(["Cash", "Credit Card", "Credit Card", "Mobile"])
        chance = 0.05 if payment == "Cash" else 0.95 if miles < 6 else 0.8
        writer.writerow(
            [
                random_numbers.randrange(24),
                random_numbers.choice(["Blue Cabs", "City Taxi", "Star"]),
                payment,
                miles,
                round(3.25 + 2.25 * miles + random_numbers.random(), 2),
                int(random_numbers.random() < chance),
            ]
        )
    return text.getvalue()
