"""Metrics that components of KFP keep in metadata: numbers, ROC curves, confusion matrices."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.lineage.summaries import TaskArtifact, summary_of
from headrace_components.library.previews.blocks import Block, change, cut, note, section, table

_MAX_CLASSES = 40
_MAX_POINTS = 2000


def metrics_sections(metadata: Mapping[str, Any]) -> list[Block]:
    """Returns the sections of a Metrics artifact."""
    artifact = TaskArtifact(task="", port="", type="system.Metrics", uri="", metadata=metadata)
    rows = [
        [
            cut(each.name),
            each.value,
            each.baseline,
            None if each.change is None else change(each.change),
        ]
        for each in summary_of([artifact]).metrics
    ]
    if not rows:
        return [section("Metrics", note("It has no numbers."))]
    columns = ("metric", "value", "baseline", "change")
    return [section("Metrics", table("Metrics", columns, rows))]


def compare_metrics(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Block]:
    """Returns the sections on what changed between two Metrics artifacts, most first."""
    olds, news = _numbers(before), _numbers(after)
    rows = []
    for name in dict.fromkeys([*news, *olds]):
        was, now = olds.get(name), news.get(name)
        moved = None if was is None or now is None else now - was
        rows.append((abs(moved or 0) / max(abs(was or 0), 1e-9), name, was, now, moved))
    rows.sort(key=lambda row: -row[0])
    cells = [
        [cut(name), was, now, None if moved is None else change(moved)]
        for _, name, was, now, moved in rows
    ]
    columns = ("metric", "before", "after", "change")
    return [section("Metrics", table("Changes of metrics", columns, cells))]


def _numbers(metadata: Mapping[str, Any]) -> dict[str, float]:
    artifact = TaskArtifact(task="", port="", type="system.Metrics", uri="", metadata=metadata)
    return {each.name: each.value for each in summary_of([artifact]).metrics}


def roc_points(metadata: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Returns the ROC curve of a ClassificationMetrics artifact; empty without one."""
    found = _value(metadata, "confidenceMetrics")
    entries = found if isinstance(found, list) else []
    points = []
    for each in entries[:_MAX_POINTS]:
        if isinstance(each, Mapping):
            pair = (each.get("falsePositiveRate"), each.get("recall"))
            if all(isinstance(rate, int | float) and math.isfinite(rate) for rate in pair):
                points.append((float(pair[0] or 0), float(pair[1] or 0)))
    return sorted(points)


def confusion_matrix(metadata: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Returns the names of classes and the rows of a confusion matrix; empty without one.

    A row is a true class, a column a predicted one.
    """
    found = _value(metadata, "confusionMatrix")
    if not isinstance(found, Mapping):
        return [], []
    specs, rows = found.get("annotationSpecs"), found.get("rows")
    names = [
        cut(str(each.get("displayName", "")), 60)
        for each in (specs if isinstance(specs, list) else [])
        if isinstance(each, Mapping)
    ][:_MAX_CLASSES]
    counts = []
    for each in (rows if isinstance(rows, list) else [])[:_MAX_CLASSES]:
        row = each.get("row") if isinstance(each, Mapping) else None
        counts.append((row if isinstance(row, list) else [])[:_MAX_CLASSES])
    return names, counts


def matrix_sections(names: Sequence[str], counts: Sequence[Sequence[Any]]) -> list[Block]:
    """Returns the sections with a confusion matrix as a table, what is right marked."""
    rows = []
    for index, row in enumerate(counts):
        total = sum(count for count in row if _is_number(count) and count > 0)
        name = names[index] if index < len(names) else str(index)
        rows.append([name, *(_count(count, total) for count in row)])
    caption = "Confusion matrix: a row is a true class, a column what was predicted"
    return [section("Confusion matrix", table(caption, ("true class", *names), rows))]


def _count(value: Any, total: float) -> Any:
    if not _is_number(value):
        return cut(str(value), 20)
    share = value / total if total else 0
    # Nine tints; nothing at all has none.
    return {"text": f"{value:,.0f}", "heat": min(9, math.ceil(share * 9)) if share > 0 else 0}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _value(metadata: Mapping[str, Any], name: str) -> Any:
    """Returns a value of metadata, which a store keeps as JSON text."""
    value = metadata.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
