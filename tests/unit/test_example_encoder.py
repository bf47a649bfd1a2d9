"""The encoder's bytes are protobuf's deterministic serialization."""

import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from headrace_components.library.data.example_encoder import encode_examples, encode_features
from headrace_components.library.data.examples import BYTES_LIST, FLOAT_LIST, INT_LIST

SOURCE = random.Random(11)
INTEGERS = [0, 1, 127, 128, 16383, 16384, 300, -1, 2**63 - 1, -(2**63)]


def lists(num_rows: int, value: Callable[[], Any]) -> list[list[Any] | None]:
    lengths = [0, 1, 1, 1, 2, 5, 60]
    return [
        None if SOURCE.random() < 0.2 else [value() for _ in range(SOURCE.choice(lengths))]
        for _ in range(num_rows)
    ]


def any_batch(num_rows: int = 300) -> pa.RecordBatch:
    def bytes_value() -> bytes:
        return SOURCE.randbytes(
            SOURCE.choice([0, 1, 5, 130, 20_000 if SOURCE.random() < 0.01 else 2])
        )

    columns = {
        "z": pa.array(lists(num_rows, lambda: SOURCE.choice(INTEGERS)), INT_LIST),
        "é": pa.array(lists(num_rows, lambda: SOURCE.gauss(0, 1)), FLOAT_LIST),
        "Z": pa.array(lists(num_rows, bytes_value), BYTES_LIST),
        "k" * 200: pa.array(lists(num_rows, lambda: "abc"), pa.list_(pa.string())),
        "row": pa.array([[row] for row in range(num_rows)], INT_LIST),
        "nulls": pa.array([None] * num_rows, INT_LIST),
        "no_integers": pa.array([[]] * num_rows, INT_LIST),
        "no_bytes": pa.array([[]] * num_rows, BYTES_LIST),
        "no_kind": pa.nulls(num_rows),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


@pytest.mark.slow
def test_bytes_are_those_of_protobufs_deterministic_serialization() -> None:
    from tensorflow.core.example.example_pb2 import Example
    from tensorflow.core.example.feature_pb2 import Feature

    whole = any_batch()
    for batch in (whole, whole.slice(17, 100), whole.slice(3, 1)):
        encoded = encode_examples(batch)
        assert len(encoded) == batch.num_rows
        for row, record in enumerate(encoded):
            example = Example.FromString(record)
            assert example.SerializeToString(deterministic=True) == record
            for name in batch.schema.names:
                feature: Feature = example.features.feature[name]
                column = batch.column(batch.schema.get_field_index(name))
                assert values(feature) == expected(column[row].as_py(), column.type)
                assert encode_features(column.slice(row, 1)) == [feature.SerializeToString()]


def values(feature: Any) -> list[Any] | None:
    kind = feature.WhichOneof("kind")
    return None if kind is None else list(getattr(feature, kind).value)


def expected(row: list[Any] | None, kind: pa.DataType) -> list[Any] | None:
    if row is None:
        return None
    return [value.encode() if isinstance(value, str) else value for value in row]


def test_rows_of_a_null_with_values_beneath_are_null() -> None:
    offsets = pa.array([0, None, 3], pa.int64())  # the null row would span values 1 and 2
    column = pa.LargeListArray.from_arrays(offsets, pa.array([1, 2, 3]))
    assert column.to_pylist() == [[1, 2, 3], None]

    masked = pa.LargeListArray.from_buffers(
        INT_LIST,
        2,
        [pa.py_buffer(b"\x01"), pa.array([0, 1, 3], pa.int64()).buffers()[1]],
        children=[pa.array([1, 2, 3])],
    )

    assert masked.to_pylist() == [[1], None]
    assert encode_features(masked) == [b"\x1a\x03\n\x01\x01", b""]


def test_a_batch_without_rows_has_no_examples() -> None:
    assert encode_examples(any_batch(0)) == []
    assert encode_features(pa.array([], INT_LIST)) == []


def test_a_batch_without_columns_is_empty_examples() -> None:
    assert encode_examples(pa.RecordBatch.from_arrays([], [])) == []


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1]), "feature 'a' is of Arrow type int64; a tf.Example holds lists"),
        (pa.array([[1.5]], pa.list_(pa.float64())), "'a' is of Arrow type list<item: double>"),
        (pa.array([[1, None]]), "feature 'a' has a list that holds a null"),
    ],
)
def test_a_column_that_no_example_holds_is_named(column: pa.Array, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        encode_examples(pa.RecordBatch.from_arrays([column], ["a"]))
