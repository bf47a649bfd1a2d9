"""Reads the scalars in files for TensorBoard, of a training that Keras' `fit` did not do."""

import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.util import event_pb2

from headrace_components.library.user_code.training_history import History, Points

_MAX_FILES = 100
_MAX_POINTS = 20_000
_MAX_BYTES = 200_000_000

# What TensorBoard's own callbacks write beside the metrics.
_NO_METRIC = re.compile(r"(^|/)(_hp_|keras$|evaluation_.*_vs_iterations$|.*_per_second$)")


def read_histories(folder: Path) -> list[History]:
    """Returns a history of all scalars below a folder, with the steps that the files name.

    The name of a metric is its tag, after the file's folder. Files that are damaged or too large
    are left out.
    """
    history = History()
    files = sorted(folder.rglob("*tfevents*"))
    for file in files[:_MAX_FILES]:
        place = file.parent.relative_to(folder).as_posix()
        prefix = "" if place in (".", "train") else f"{place}/"
        try:
            if file.stat().st_size > _MAX_BYTES:
                logging.warning("trainer: %s is too large to be read for the report.", file)
                continue
            for name, step, value in _scalars(file):
                points: Points = history.steps.setdefault(f"{prefix}{name}", [])
                if len(points) < _MAX_POINTS:
                    points.append((step, value))
        except (tf.errors.DataLossError, OSError, ValueError) as error:
            logging.warning("trainer: %s cannot be read for the report: %s", file, error)
    for points in history.steps.values():
        points.sort()
    history.steps = {name: points for name, points in history.steps.items() if points}
    if not history.steps:
        return []
    history.num_steps = max(points[-1][0] for points in history.steps.values())
    return [history]


def _scalars(file: Path) -> Iterator[tuple[str, int, float]]:
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        event = event_pb2.Event.FromString(record)
        for value in event.summary.value:
            number = _number(value)
            if number is not None and not _NO_METRIC.search(value.tag):
                yield value.tag, int(event.step), number


def _number(value: Any) -> float | None:
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or value.tensor.tensor_shape.dim:
        return None
    plugin = value.metadata.plugin_data.plugin_name
    if plugin not in ("", "scalars"):
        return None
    try:
        return float(tf.make_ndarray(value.tensor))
    except (TypeError, ValueError):
        return math.nan if plugin else None
