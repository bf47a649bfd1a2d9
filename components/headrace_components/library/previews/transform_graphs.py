"""A transform graph: what it makes of which features, and its vocabularies."""

from pathlib import Path

from headrace_components.library.previews.blocks import (
    Block,
    Cell,
    cut,
    note,
    section,
    size,
    table,
)
from headrace_components.library.previews.saved_models import read_model
from headrace_components.library.previews.schema_table import read_schema

_MAX_WORDS = 20_000
_MAX_VOCABULARIES = 50
_MAX_LINE_BYTES = 300


def read_transform_graph(path: Path) -> list[Block]:
    """Returns the sections of a TransformGraph artifact. Raises InputError if it is damaged."""
    sections = []
    for heading, place in (
        ("Features before", "metadata"),
        ("Features after", "transformed_metadata"),
    ):
        if (path / place / "schema.pbtxt").is_file():
            sections += [section(heading, *block["blocks"]) for block in read_schema(path / place)]
    sections += _vocabularies(path)
    # The signature is the function from the raw features to the transformed ones.
    sections += [
        section("Function", *block["blocks"])
        for block in read_model(path)
        if block["heading"].startswith("SavedModel")
    ]
    return sections or [
        section("Transform graph", note("It has no schema and no function.", "warn"))
    ]


def _vocabularies(path: Path) -> list[Block]:
    place = path.resolve()
    files = [
        file
        for file in sorted((path / "transform_fn" / "assets").glob("*"))
        if file.is_file() and file.resolve().is_relative_to(place)
    ]
    sections = []
    for file in files[:_MAX_VOCABULARIES]:
        heading = f"Vocabulary {cut(file.name, 80)}"
        if file.name.endswith(".gz"):
            words = f"It is compressed: {size(file.stat().st_size)}."
            sections.append(section(heading, note(words)))
            continue
        rows: list[list[Cell]] = []
        with file.open("rb") as lines:
            for number, line in enumerate(lines):
                if number == _MAX_WORDS:
                    break
                word = line.rstrip(b"\n")[:_MAX_LINE_BYTES].decode("utf-8", "replace")
                rows.append([word, number])
        sections.append(section(heading, table(heading, ("value", "index"), rows)))
    if len(files) > len(sections):
        sections.append(section("Vocabularies", note(f"And {len(files) - len(sections)} more.")))
    return sections
