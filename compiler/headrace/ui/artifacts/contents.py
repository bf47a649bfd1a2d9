"""What an artifact holds, as sections of its page: by its type, and its files."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.lineage.records import ArtifactLineage
from headrace.ui.artifacts import kfp_metrics
from headrace.ui.artifacts.charts import draw
from headrace.ui.artifacts.places import file_within
from headrace.ui.artifacts.reader import reader
from headrace.ui.artifacts.tables import whole
from headrace_components.contract.errors import InputError
from headrace_components.library.previews.blocks import Block, cut, facts, note, section, text

OTHER_METADATA = frozenset({"confidenceMetrics", "confusionMatrix", "store_session_info"})
"""Metadata that the contents show, or that only a backend needs."""

_READ = frozenset(
    {
        "Schema",
        "ExampleStatistics",
        "ExampleAnomalies",
        "ModelEvaluation",
        "Model",
        "PushedModel",
        "ModelRun",
        "TransformGraph",
        "InferenceResult",
        "HyperParameters",
        "TunerResults",
    }
)
_COMPARED = frozenset({"Schema", "ExampleStatistics", "ModelEvaluation", "Model"})
_VALUES = frozenset({"String", "Integer", "Float", "Bytes", "Boolean", "JsonValue"})
_DOCUMENTS = ("HTML",)
_MAX_TEXT = 20_000

_ROWS_AT_ONCE = 20
_COLUMNS_AT_ONCE = 12


def type_of(artifact: ArtifactLineage) -> str:
    """Returns the type without a namespace."""
    return artifact.type.rpartition(".")[2]


def can_compare(kind: str) -> bool:
    """Returns whether two artifacts of a type can be compared."""
    return kind in _COMPARED or kind == "Metrics"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a page shows of an artifact.

    Attributes:
        sections: Sections of blocks.
        rows: A window of the rows of examples; None for other types.
        document: Path of the HTML file within the artifact that is shown in a frame; None for
            other types.
    """

    sections: Sequence[Block]
    rows: Block | None = None
    document: str | None = None


def contents_of(artifact: ArtifactLineage, path: Path, query: Mapping[str, str]) -> Contents:
    """Returns what an artifact holds. What cannot be read is said in a note.

    Args:
        artifact: Its record.
        path: Where it is.
        query: Of the page's address.
    """
    kind = type_of(artifact)
    if kind == "Examples":
        return _examples(artifact, path, query)
    if kind in _DOCUMENTS:
        return Contents(sections=[], document=_document(path))
    if kind in _READ:
        return Contents(
            sections=_guarded(lambda: reader().ask(what="read", type=kind, path=str(path)))
        )
    return Contents(sections=_small(kind, path))


def facts_of(artifact: ArtifactLineage) -> Contents:
    """Returns what the metadata of an artifact say, whose files need not be there."""
    kind = type_of(artifact)
    if kind == "Metrics":
        return Contents(sections=kfp_metrics.metrics_sections(artifact.metadata))
    if kind in ("ClassificationMetrics", "SlicedClassificationMetrics"):
        return Contents(sections=_classification(artifact.metadata))
    return Contents(sections=[])


def comparison(
    before: ArtifactLineage, after: ArtifactLineage, paths: Sequence[Path]
) -> list[Block]:
    """Returns the sections on what differs between two artifacts of one type.

    Args:
        before: The first.
        after: The second.
        paths: Where they are; not needed for Metrics.
    """
    kind = type_of(after)
    if kind == "Metrics":
        return kfp_metrics.compare_metrics(before.metadata, after.metadata)
    if len(paths) != 2:
        return [section("Comparison", note("The files of one of the two are not there.", "warn"))]
    old, new = map(str, paths)
    return _guarded(lambda: reader().ask(what="compare", type=kind, before=old, after=new))


def _examples(artifact: ArtifactLineage, path: Path, query: Mapping[str, str]) -> Contents:
    window = {
        "split": query.get("split", ""),
        "row": whole(query.get("row", "")),
        "num_rows": _ROWS_AT_ONCE,
        "column": whole(query.get("column", "")),
        "num_columns": _COLUMNS_AT_ONCE,
        "find": query.get("find", "").strip()[:200],
    }
    payload = str(artifact.metadata.get("payload_format") or "")
    try:
        rows = reader().ask(what="rows", path=str(path), payload_format=payload, window=window)
    except InputError as error:
        return Contents(sections=[section("Rows", note(str(error), "bad"))])
    shown = len(rows["rows"])
    return Contents(
        sections=[],
        rows={
            **rows,
            "find": window["find"],
            "last_row": rows["first_row"] + shown,
            "last_column": rows["first_column"] + len(rows["columns"]),
            "before": max(rows["first_row"] - _ROWS_AT_ONCE, 0) if rows["first_row"] else None,
            "after": rows["first_row"] + shown if rows["has_more"] else None,
            "left": max(rows["first_column"] - _COLUMNS_AT_ONCE, 0)
            if rows["first_column"]
            else None,
            "right": rows["first_column"] + len(rows["columns"])
            if rows["first_column"] + len(rows["columns"]) < rows["num_columns"]
            else None,
        },
    )


def _guarded(read: Callable[[], list[Block]]) -> list[Block]:
    try:
        return read()
    except InputError as error:
        return [section("Contents", note(str(error), "bad"))]


def _document(path: Path) -> str | None:
    if path.is_file():
        return ""
    names = sorted(each.name for each in path.glob("*.htm*"))
    found = next((name for name in ("index.html", *names) if name in names), None)
    return found if found and file_within(path, found) else None


def _classification(metadata: Mapping[str, Any]) -> list[Block]:
    sections = []
    points = kfp_metrics.roc_points(metadata)
    if points:
        chart = draw(
            "ROC curve",
            "false positives among the negatives",
            "recall",
            [("this model", points)],
            has_diagonal=True,
        )
        area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))
        words = f"The area under these {len(points)} points is {area:.3f}."
        sections.append(section("ROC curve", {"kind": "picture", "chart": chart}, note(words)))
    names, counts = kfp_metrics.confusion_matrix(metadata)
    if counts:
        sections += kfp_metrics.matrix_sections(names, counts)
    if not sections:
        words = "It has no ROC curve and no confusion matrix: its evaluation measured neither."
        sections.append(section("Classification", note(words)))
    return sections


def _small(kind: str, path: Path) -> list[Block]:
    """Returns the text of an artifact that is one small file, and the contents of verdicts."""
    if kind in ("ModelBlessing", "InfraBlessing"):
        return _verdict(path)
    names = [""] if path.is_file() else sorted(each.name for each in path.glob("*"))
    if kind not in (*_VALUES, "Markdown") and len(names) != 1:
        return []
    for name in names[:1]:
        file = file_within(path, name)
        shown = preview(file) if file else None
        if shown is not None:
            content, note_text = shown
            heading = "Value" if kind in _VALUES else "Text"
            return [section(heading, text(name or path.name, content, note_text))]
    return []


def _verdict(path: Path) -> list[Block]:
    for name in ("BLESSED", "NOT_BLESSED", "INFRA_BLESSED", "INFRA_NOT_BLESSED"):
        file = file_within(path, name)
        if file is None:
            continue
        words = "The model is blessed." if "NOT" not in name else "The model is not blessed."
        blocks = [note(words, "bad" if "NOT" in name else "good")]
        try:
            content = json.loads(file.read_bytes()[:_MAX_TEXT])
        except (ValueError, RecursionError):
            content = None
        if isinstance(content, dict):
            blocks.append(
                facts([(cut(str(key)), cut(str(value))) for key, value in content.items()])
            )
        return [section("Verdict", *blocks)]
    return [section("Verdict", note("It has no file with a verdict.", "warn"))]


def preview(file: Path) -> tuple[str, str] | None:
    """Returns the beginning of a text file and a note if it goes on; None for other files."""
    with file.open("rb") as opened:
        content = opened.read(_MAX_TEXT)
    size = file.stat().st_size
    if b"\0" in content:
        return None
    shown = content.decode("utf-8", "replace")
    if shown.count("\N{REPLACEMENT CHARACTER}") > 8:
        return None
    words = f"The first {len(content):,} of {size:,} bytes." if size > len(content) else ""
    return shown, words
