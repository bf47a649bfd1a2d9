"""The scalars that a training logged for TensorBoard, as curves."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headrace_components.contract.errors import InputError
from headrace_components.library.data.tfrecord import read_records
from headrace_components.library.previews.blocks import (
    Block,
    Cell,
    chart,
    cut,
    note,
    section,
    table,
)
from headrace_components.library.previews.wire import Spec, decode

# tensorflow/core/util/event.proto, tensorflow/core/framework/{summary,tensor}.proto
_TENSOR: Spec = {
    1: ("dtype", "int"),
    4: ("content", "bytes"),
    5: ("floats*", "float"),
    6: ("doubles*", "double"),
}
_VALUE: Spec = {1: ("tag", "text"), 2: ("simple", "float"), 8: ("tensor", _TENSOR)}
_EVENT: Spec = {2: ("step", "int"), 5: ("summary", {1: ("values*", _VALUE)})}

_FORMATS = {1: "<f", 2: "<d"}
_MAX_FILES = 200
_MAX_CURVES = 60
_MAX_POINTS = 400


def read_curves(path: Path) -> list[Block]:
    """Returns a section with a chart for each scalar, with one line for each directory of logs."""
    curves: dict[str, dict[str, list[list[float]]]] = {}
    notes = []
    place = path.resolve()
    files = [
        file
        for file in sorted(path.rglob("*tfevents*"))[:_MAX_FILES]
        if file.is_file() and file.resolve().is_relative_to(place)
    ]
    for file in files:
        directory = str(file.parent.relative_to(path))
        try:
            for tag, step, value in _scalars(file):
                lines = curves.setdefault(tag, {})
                lines.setdefault("logs" if directory == "." else directory, []).append(
                    [step, value]
                )
        except InputError as error:  # a training that was killed ends within a record
            notes.append(note(f"{error}", "warn"))
    if not files:
        return [section("Training", note("It has no logs of TensorBoard."))]
    if not curves:
        notes.append(note("The logs of TensorBoard have no scalars."))
    shown = sorted(curves.items())[:_MAX_CURVES]
    if len(curves) > len(shown):
        notes.append(note(f"The first {len(shown)} of {len(curves)} scalars."))
    charts = [
        chart(cut(tag, 120), "step", {name: _thinned(points) for name, points in lines.items()})
        for tag, lines in shown
        if any(len(points) > 1 for points in lines.values())
    ]
    single: list[list[Cell]] = [
        [cut(tag, 120), cut(name, 120), points[0][1]]
        for tag, lines in shown
        for name, points in lines.items()
        if all(len(each) == 1 for each in lines.values())
    ]
    if single:
        charts.append(table("Scalars with one value", ("scalar", "logs", "value"), single))
    return [section("Training", *notes, *charts)]


def _scalars(file: Path) -> Iterator[tuple[str, int, float]]:
    for record in read_records(file):
        try:
            event = decode(record, _EVENT)
        except ValueError as error:
            raise InputError(f"{file.name} holds no events of TensorBoard: {error}.") from error
        for value in (event["summary"] or {"values": []})["values"]:
            found = _number(value)
            if found is not None and value["tag"]:
                yield value["tag"], event["step"] or 0, found


def _number(value: dict[str, Any]) -> float | None:
    if value["simple"] is not None:
        return float(value["simple"])
    tensor = value["tensor"]
    if not tensor or tensor["dtype"] not in _FORMATS:
        return None
    for name in ("floats", "doubles"):
        if len(tensor[name]) == 1:
            return float(tensor[name][0])
    form = _FORMATS[tensor["dtype"]]
    content = tensor["content"] or b""
    return float(struct.unpack(form, content)[0]) if len(content) == struct.calcsize(form) else None


def _thinned(points: list[list[float]]) -> list[list[float]]:
    """Returns at most some hundred points, in the order of steps, with the last."""
    points.sort(key=lambda point: point[0])
    every = -(-len(points) // _MAX_POINTS)
    return [*points[::every], *([points[-1]] if (len(points) - 1) % every else [])]
