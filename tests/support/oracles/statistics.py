"""TFDV's own statistics on Beam, and the allowed differences to ours."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import apache_beam as beam
import pyarrow as pa
import tensorflow_data_validation as tfdv
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import statistics_pb2

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList

# How far fields may differ, relative to their value: sums depend on the order of the rows.
LOOSE = {"mean": 1e-12, "std_dev": 1e-12}


def on_beam(
    batches: Sequence[pa.RecordBatch], options: tfdv.StatsOptions, scratch: Path
) -> Statistics:
    """The statistics that TFX's StatisticsGen computes for these rows."""
    path = str(scratch / "oracle.pb")
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(batches, reshuffle=False)
            | tfdv.GenerateStatistics(options)
            | tfdv.WriteStatisticsToBinaryFile(path)
        )
    return tfdv.load_stats_binary(path)


def differences(
    expected: Statistics, actual: Statistics, loose: Mapping[str, float] = LOOSE
) -> list[str]:
    """Every field that differs by more than its share in `loose` allows."""
    pairs = zip(expected.datasets, actual.datasets, strict=True)
    found = []
    for left, right in pairs:
        features = {tuple(feature.path.step): feature for feature in right.features}
        for feature in left.features:
            path = tuple(feature.path.step)
            found += _compare(feature, features.pop(path), ".".join(path), loose)
        found += [f"{path}: not expected" for path in features]
        if left.num_examples != right.num_examples or left.name != right.name:
            found.append(f"{left.name} {left.num_examples} != {right.name} {right.num_examples}")
    return found


def _compare(expected: Any, actual: Any, path: str, loose: Mapping[str, float]) -> list[str]:
    if isinstance(expected, Message):
        found = []
        for field in expected.DESCRIPTOR.fields:
            name = f"{path}.{field.name}"
            left, right = getattr(expected, field.name), getattr(actual, field.name)
            if field.label == field.LABEL_REPEATED:
                found += _compare(len(left), len(right), f"{name}.len", loose)
                for index, pair in enumerate(zip(left, right, strict=False)):
                    found += _compare(*pair, f"{name}[{index}]", loose)
            elif field.message_type and expected.HasField(field.name) != actual.HasField(
                field.name
            ):
                found.append(f"{name}: present {expected.HasField(field.name)}")
            else:
                found += _compare(left, right, name, loose)
        return found
    if isinstance(expected, float):
        if math.isnan(expected) and math.isnan(actual):
            return []
        share = loose.get(path.rpartition(".")[2], 0.0)
        if math.isclose(expected, actual, rel_tol=share):
            return []
    return [] if expected == actual else [f"{path}: {expected} != {actual}"]
