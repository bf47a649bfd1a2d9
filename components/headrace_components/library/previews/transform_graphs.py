"""A transform graph: what it makes of which features, and its vocabularies."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
from headrace_components.library.previews.wire import Spec, decode

_NODES: Spec = {3: ("nodes*", {1: ("name", "text")})}
_GRAPHS: Spec = {
    2: ("graphs*", {2: ("definition", {2: ("library", {1: ("functions*", _NODES)})})}),
}
_CALL = re.compile(
    r"(apply_buckets|apply_vocabulary|bag_of_words|bucketize|bucketize_per_key"
    r"|compute_and_apply_vocabulary|count_per_key|covariance|deduplicate_tensor_per_row"
    r"|hash_strings|max|mean|min|ngrams|pca|quantiles|scale_by_min_max|scale_by_min_max_per_key"
    r"|scale_to_0_1|scale_to_0_1_per_key|scale_to_gaussian|scale_to_z_score"
    r"|scale_to_z_score_per_key|size|sum|tfidf|var|vocabulary|word_count)(?:_[0-9]+)?"
)

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
    sections += _functions(path)
    sections += _vocabularies(path)
    # The signature is the function from the raw features to the transformed ones.
    sections += [
        section("Function", *block["blocks"], is_folded=True)
        for block in read_model(path)
        if block["heading"].startswith("SavedModel")
    ]
    return sections or [
        section("Transform graph", note("It has no schema and no function.", "warn"))
    ]


def _functions(path: Path) -> list[Block]:
    """Returns the functions of TensorFlow Transform that preprocessing_fn called, with counts.

    A graph keeps the name of each call as the first part of the names of its operations.
    """
    file = path / "transform_fn" / "saved_model.pb"
    if not file.is_file():
        return []
    try:
        graphs = decode(file.read_bytes(), _GRAPHS)["graphs"]
    except ValueError:  # the section with the function says so
        return []
    counts: Counter[str] = Counter()
    for function in (one for graph in graphs for one in _bodies(graph)):
        calls = {(node["name"] or "").partition("/")[0] for node in function["nodes"]}
        found = (_CALL.fullmatch(call) for call in calls)
        counts.update(match[1] for match in found if match is not None)
    rows: list[list[Cell]] = [[name, count] for name, count in sorted(counts.items())]
    if not rows:
        return []
    heading = "Functions of TensorFlow Transform"
    return [section(heading, table(heading, ("function", "calls"), rows))]


def _bodies(graph: Mapping[str, Any]) -> list[Any]:
    definition = graph["definition"] or {"library": None}
    return list((definition["library"] or {"functions": []})["functions"])


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
        count = f"{len(rows):,} value{'' if len(rows) == 1 else 's'}"
        shown = table(heading, ("value", "index"), rows)
        sections.append(section(f"{heading}: {count}", shown, is_folded=True))
    if len(files) > len(sections):
        sections.append(section("Vocabularies", note(f"And {len(files) - len(sections)} more.")))
    return sections
