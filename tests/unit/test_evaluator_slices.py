"""Rows belong to the slices to which TFMA's own slicer assigns them, row by row."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import json_format
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib

from headrace_components.evaluator.metric_rows import is_made
from headrace_components.evaluator.slices import assign

BYTES, INTS, FLOATS = (
    pa.large_list(kind) for kind in (pa.large_binary(), pa.int64(), pa.float32())
)
FEATURES: dict[str, tuple[Any, list[Any]]] = {
    "carrier": (BYTES, [[b"UA"], [b"AA"], [b"UA"], None, [b"B6"], [b"AA"], [], [b"UA"]]),
    "hour": (INTS, [[5], [6], [5], [7], None, [6], [5], [7]]),
    "delay": (FLOATS, [[0.5], [0.1], [0.5], [0.1], [2.0], [0.1], [0.5], [2.0]]),
    "tags": (BYTES, [[b"a", b"b"], [b"b"], [b"b", b"a"], [], None, [b"c"], [b"a", b"a"], [b"b"]]),
    "class": (INTS, [[1], [1], [2], [2], [3], [3], [1], [1]]),
}
TRANSFORMED = {"class": np.array([[10], [10], [20], [20], [30], [30], [10], [10]])}


def by_tfma(specs: list[Any], transformed: list[dict[str, Any]]) -> dict[Any, list[int]]:
    rules = [slicer_lib.SingleSliceSpec(spec=spec) for spec in specs]
    expected: dict[Any, list[int]] = {}
    for row in range(8):
        raw = {
            name: np.array(values[row] or [], dtype=None if kind is not BYTES else object)
            for name, (kind, values) in FEATURES.items()
        }
        raw["delay"] = raw["delay"].astype(np.float32)
        others = [{name: array[row] for name, array in one.items()} for one in transformed]
        for key in set(slicer_lib.get_slices_for_features_dicts(others, raw, rules)):
            expected.setdefault(key, []).append(row)
    return expected


@pytest.mark.parametrize(
    "specs",
    [
        [],
        [{}],
        [{}, {"feature_keys": ["carrier"]}],
        [{"feature_keys": ["hour"]}, {"feature_keys": ["delay"]}],
        [{"feature_keys": ["carrier", "hour"]}],
        [{"feature_keys": ["carrier", "hour", "delay", "class"]}],
        [{"feature_keys": ["tags"]}, {"feature_keys": ["tags", "carrier"]}],
        [{"feature_values": {"carrier": "UA"}}, {"feature_keys": ["carrier"]}],
        [{"feature_keys": ["hour"], "feature_values": {"tags": "b"}}],
        [{"feature_values": {"hour": "5", "delay": "0.5"}}],
        [{"feature_keys": ["class"]}],
        [{"feature_keys": ["absent"]}, {"feature_values": {"absent": "1"}}],
    ],
)
@pytest.mark.parametrize("transformed", [[], [TRANSFORMED], [TRANSFORMED, TRANSFORMED]])
def test_slices_are_those_of_tfma(specs: list[Any], transformed: list[dict[str, Any]]) -> None:
    table = pa.table({name: pa.array(values, kind) for name, (kind, values) in FEATURES.items()})
    protos = [json_format.ParseDict(spec, config_pb2.SlicingSpec()) for spec in specs]

    found = assign(protos, table, transformed, 8)

    expected = by_tfma(protos or [config_pb2.SlicingSpec()], transformed)
    assert {key: rows.tolist() for key, rows in found.items()} == expected


def test_slices_come_in_a_fixed_order() -> None:
    table = pa.table({"hour": pa.array([[7], [5], [11]], INTS)})
    specs = [config_pb2.SlicingSpec(feature_keys=["hour"]), config_pb2.SlicingSpec()]

    assert list(assign(specs, table, [], 3)) == [
        (),
        (("hour", 5),),
        (("hour", 7),),
        (("hour", 11),),
    ]


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        ({}, True),
        ({"feature_values": {"carrier": "AA"}}, True),
        ({"feature_keys": ["carrier"]}, True),
        ({"feature_values": {"hour": "5"}}, True),
        ({"feature_values": {"hour": "6"}}, False),
        ({"feature_keys": ["origin"]}, False),
        ({"feature_values": {"carrier": "AA", "hour": "5"}}, False),
    ],
)
def test_a_threshold_is_for_slices_that_the_config_computes(
    wanted: dict[str, Any], made: bool
) -> None:
    specs = [{}, {"feature_keys": ["carrier"]}, {"feature_values": {"hour": "5"}}]
    config = json_format.ParseDict({"slicing_specs": specs}, config_pb2.EvalConfig())

    assert is_made(json_format.ParseDict(wanted, config_pb2.SlicingSpec()), config) == made
