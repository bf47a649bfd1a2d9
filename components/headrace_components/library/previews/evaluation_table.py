"""The metrics of an evaluation for each slice, and their changes between two evaluations."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.data.tfrecord import read_records
from headrace_components.library.previews.blocks import (
    Block,
    Cell,
    change,
    cut,
    note,
    section,
    table,
)
from headrace_components.library.previews.wire import Spec, decode

_CANDIDATE = "candidate"
ALL_ROWS = "all rows"

# From tensorflow_model_analysis/proto/metrics_for_slice.proto, whose Python module imports
# TensorFlow and Beam.
_SLICE: Spec = {
    1: (
        "keys*",
        {
            1: ("column", "text"),
            2: ("bytes", "text"),
            3: ("float", "float"),
            4: ("int", "int"),
        },
    )
}
_SUB_KEY: Spec = {1: ("class_id", "wrapped"), 2: ("k", "wrapped"), 3: ("top_k", "wrapped")}
_KEY: Spec = {
    1: ("name", "text"),
    2: ("output_name", "text"),
    3: ("sub_key", _SUB_KEY),
    4: ("model_name", "text"),
    5: ("is_diff", "bool"),
}
_VALUE: Spec = {
    1: ("double", "wrapped"),
    2: ("bounded", {3: ("value", "wrapped")}),
    9: ("t_distribution", {4: ("value", "wrapped"), 1: ("mean", "wrapped")}),
}
_METRICS: Spec = {
    1: ("slice_key", _SLICE),
    3: ("cross_slice_key", {1: ("baseline", _SLICE), 2: ("comparison", _SLICE)}),
    51: ("metrics*", {1: ("key", _KEY), 2: ("value", _VALUE)}),
}
_BOUNDS: Spec = {
    1: ("value", {1: ("lower", "wrapped"), 2: ("upper", "wrapped")}),
    2: ("change", {1: ("absolute", "wrapped"), 2: ("relative", "wrapped")}),
}
_FAILURES: Spec = {
    1: ("key", _KEY),
    2: ("bounds", _BOUNDS),
    3: ("value", _VALUE),
    4: ("message", "text"),
}
_VALIDATION: Spec = {
    1: ("validation_ok", "bool"),
    2: ("slices*", {2: ("slice_key", _SLICE), 3: ("failures*", _FAILURES)}),
}

_FAILURE_COLUMNS = ("metric", "slice", "value", "expected")
_COUNTS = ("example_count", "weighted_example_count", "num_examples")
_LOWER_IS_BETTER = ("loss", "error", "crossentropy", "false_", "fpr", "fnr", "hinge", "divergence")

Scores = dict[str, dict[str, float]]
"""Values of metrics by name, by slice."""


def read_evaluation(path: Path) -> list[Block]:
    """Returns the sections of a ModelEvaluation artifact. Raises InputError if it is none."""
    scores = read_scores(path)
    blocks = [*_failures(path)]
    names = sorted({name for found in scores.values() for name in found}, key=_column_rank)
    rows: list[Sequence[Cell]] = [
        [cut(part), *(scores[part].get(name) for name in names)] for part in scores
    ]
    blocks.append(table("Metrics for each slice", ("slice", *map(cut, names)), rows))
    return [section("Metrics", *blocks)]


def compare_evaluations(before: Path, after: Path) -> list[Block]:
    """Returns the sections on how metrics changed, the worst change first."""
    olds, news = read_scores(before), read_scores(after)
    rows = []
    for part, metrics in news.items():
        for name, value in metrics.items():
            was = olds.get(part, {}).get(name)
            if was is None or name in _COUNTS:
                continue
            rows.append((_gain(name, was, value), part, name, was, value))
    rows.sort(key=lambda row: (row[0], row[1] != ALL_ROWS, row[1], row[2]))
    worse = sum(row[0] < 0 for row in rows)
    blocks = [
        note(
            f"{worse} of {len(rows)} values got worse. The worst change is first, measured against "
            "the value before. Of losses and errors a lower value is better.",
            "warn" if worse else "good",
        )
    ]
    cells: list[Sequence[Cell]] = [
        [cut(name), cut(part), was, now, _change(gain, now - was)]
        for gain, part, name, was, now in rows
    ]
    columns = ("metric", "slice", "before", "after", "change")
    blocks.append(table("Changes of metrics", columns, cells))
    lost = [part for part in olds if part not in news]
    added = [part for part in news if part not in olds]
    for words, parts in (("Slices only before", lost), ("Slices only after", added)):
        if parts:
            blocks.append(note(cut(f"{words}: {', '.join(parts)}.", 600)))
    return [section("Metrics", *blocks)]


def read_scores(path: Path) -> Scores:
    """Returns the metrics of the candidate by slice, that of all rows first.

    Raises:
        InputError: There are no metrics, or they are damaged.
    """
    # TFX's files have a name with or without numbers of shards.
    files = sorted(path.glob("metrics*"))
    if not files:
        found = sorted(each.name for each in path.glob("*"))
        raise InputError(f"{path} has {found[:10]} and no metrics of TensorFlow Model Analysis.")
    scores: Scores = {}
    for file in files:
        for record in read_records(file):
            try:
                message = decode(record, _METRICS)
            except ValueError as error:
                raise InputError(f"{file} holds no metrics: {error}.") from error
            metrics = scores.setdefault(_slice_name(message), {})
            for each in message["metrics"]:
                value = _number(each["value"])
                if value is not None:
                    metrics[_metric_name(each["key"] or {})] = value
    return dict(sorted(scores.items(), key=lambda item: (item[0] != ALL_ROWS, item[0])))


def _failures(path: Path) -> list[Block]:
    found: list[Sequence[Cell]] = []
    is_ok = None
    for file in sorted(path.glob("validations*")):
        for record in read_records(file):
            try:
                message = decode(record, _VALIDATION)
            except ValueError as error:
                raise InputError(f"{file} holds no validations: {error}.") from error
            is_ok = bool(message["validation_ok"])
            for part in message["slices"]:
                for failure in part["failures"]:
                    name = _metric_name(failure["key"] or {})
                    found.append(
                        [
                            cut(name),
                            cut(_slice_name(part)),
                            _number(failure["value"]),
                            cut(failure["message"] or _bounds(failure["bounds"])),
                        ]
                    )
    if is_ok is None:
        return []
    if is_ok:
        return [note("Every threshold holds.", "good")]
    blocks = [note("Not every threshold holds.", "bad")]
    if found:
        blocks.append(table("Thresholds that do not hold", _FAILURE_COLUMNS, found))
    return blocks


def _bounds(bounds: dict[str, Any] | None) -> str:
    value, change = ((bounds or {}).get(kind) or {} for kind in ("value", "change"))
    words = [
        f"{word} {part[name]:g}"
        for part, name, word in (
            (value, "lower", "at least"),
            (value, "upper", "at most"),
            (change, "absolute", "a change within"),
            (change, "relative", "a change, as a share, within"),
        )
        if part.get(name) is not None
    ]
    return ", ".join(words)


def _slice_name(message: dict[str, Any]) -> str:
    cross = message.get("cross_slice_key")
    if cross:
        return f"{_keys(cross['baseline'])} against {_keys(cross['comparison'])}"
    return _keys(message["slice_key"])


def _keys(slice_key: dict[str, Any] | None) -> str:
    keys = slice_key["keys"] if slice_key else []
    texts = []
    for key in keys:
        values = [key[kind] for kind in ("bytes", "float", "int") if key[kind] is not None]
        texts.append(f"{key['column'] or ''} = {values[0] if values else ''}")
    return ", ".join(texts) or ALL_ROWS


def _metric_name(key: dict[str, Any]) -> str:
    sub_key = key.get("sub_key") or {}
    model = key.get("model_name")
    parts = [None if model == _CANDIDATE else model, key.get("output_name"), key.get("name")]
    name = "/".join(part for part in parts if part)
    name += "".join(f" {kind} {value}" for kind, value in sub_key.items() if value is not None)
    return f"{name} (change)" if key.get("is_diff") else name


def _number(value: dict[str, Any] | None) -> float | None:
    if not value:
        return None
    if value["double"] is not None:
        return float(value["double"])
    inner = value["bounded"] or value["t_distribution"] or {}
    found = inner.get("value") if inner.get("value") is not None else inner.get("mean")
    return None if found is None else float(found)


def _column_rank(name: str) -> tuple[bool, str]:
    return name not in _COUNTS, name


def _gain(name: str, was: float, now: float) -> float:
    """Returns how much better a value became, against the value before; negative if worse."""
    if math.isnan(now) or math.isnan(was):
        return 0.0 if math.isnan(was) else -math.inf
    share = (now - was) / max(abs(was), 1e-9)
    return -share if any(word in name.casefold() for word in _LOWER_IS_BETTER) else share


def _change(gain: float, difference: float) -> Cell:
    if not difference or not gain or math.isnan(difference):
        return change(difference)
    return change(difference, "good" if gain > 0 else "bad")
