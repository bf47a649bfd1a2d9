"""Statistics without Beam equal TFDV's on Beam, and bad options are named."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.contract.errors import InputError
from headrace_components.library.data import statistics
from headrace_components.library.data.statistics_options import options_from
from support.oracles.statistics import differences, on_beam

NUM_ROWS = 20_000
FLOATS = pa.large_list(pa.float32())
INTS = pa.large_list(pa.int64())
BYTES = pa.large_list(pa.large_binary())


def rows(num_rows: int = NUM_ROWS) -> pa.RecordBatch:
    """Rows with a column for every special case in TFDV."""
    random = np.random.default_rng(7)
    numbers = random.normal(size=num_rows)
    columns: dict[str, tuple[Sequence[Any], pa.DataType]] = {
        "continuous": ([[value] for value in numbers], FLOATS),
        "special": (
            [[(np.nan, np.inf, -np.inf, 0.0, 2.5)[i % 5]] for i in range(num_rows)],
            FLOATS,
        ),
        "count": ([[int(value)] for value in random.poisson(3, num_rows)], INTS),
        "huge": ([[i * 2**45] for i in range(num_rows)], INTS),
        "sometimes": ([[i] if i % 3 else None for i in range(num_rows)], INTS),
        "late": ([[1.5] if i > num_rows / 2 else None for i in range(num_rows)], FLOATS),
        "several": ([list(range(i % 4)) for i in range(num_rows)], INTS),
        "words": ([[b"a", b"bc"][: i % 3] for i in range(num_rows)], BYTES),
        "city": ([[b"city %d" % (i * i % 1301)] for i in range(num_rows)], BYTES),
        "id": ([[b"id %d" % i] for i in range(num_rows)], BYTES),
        "no_utf8": ([[b"\xff\xfe" if i % 2 else b"ok"] for i in range(num_rows)], BYTES),
        "empty_lists": ([[] for _ in range(num_rows)], BYTES),
        "missing": ([None] * num_rows, pa.null()),
        "weight": ([[0.5 + i % 4] for i in range(num_rows)], FLOATS),
    }
    arrays = [pa.array(values, kind) for values, kind in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def in_batches(size: int) -> Iterator[pa.RecordBatch]:
    """The rows in batches; a column is null if no row of the batch has a value."""
    whole = rows()
    for start in range(0, whole.num_rows, size):
        batch = whole.slice(start, size)
        arrays = [
            pa.nulls(len(column)) if column.null_count == len(column) else column
            for column in batch.columns
        ]
        yield pa.RecordBatch.from_arrays(arrays, batch.schema.names)


@pytest.mark.slow
def test_every_field_equals_tfdv_on_beam(tmp_path: Path) -> None:
    expected = on_beam(list(in_batches(1_000)), tfdv.StatsOptions(), tmp_path)

    for size in (1_000, 7_000, NUM_ROWS):
        actual = statistics.compute(in_batches(size), tfdv.StatsOptions())
        assert differences(expected, actual) == []


@pytest.mark.slow
def test_a_schema_and_options_change_the_result_as_in_tfdv(tmp_path: Path) -> None:
    schema = text_format.Parse(
        """
        feature { name: "count" type: INT int_domain { is_categorical: true } }
        feature { name: "no_utf8" type: BYTES image_domain {} }
        feature { name: "continuous" type: FLOAT }
        """,
        schema_pb2.Schema(),
    )
    fields = {
        "num_top_values": 3.0,
        "num_rank_histogram_buckets": 5,
        "num_histogram_buckets": 4,
        "num_quantiles_histogram_buckets": 7,
        "frequency_threshold": 20,
        "feature_allowlist": ["count", "no_utf8", "continuous", "city", "id", "absent"],
    }
    options = options_from(fields, schema)
    expected = on_beam(list(in_batches(1_000)), options, tmp_path)

    actual = statistics.compute(in_batches(5_000), options)

    assert differences(expected, actual) == []
    assert len(actual.datasets[0].features) == 5


@pytest.mark.slow
def test_weighted_statistics_equal_tfdv_on_beam(tmp_path: Path) -> None:
    options = options_from({"weight_feature": "weight"})
    expected = on_beam(list(in_batches(1_000)), options, tmp_path)

    actual = statistics.compute(in_batches(5_000), options)

    assert differences(expected, actual) == []


def test_no_rows_give_one_data_set_without_features(tmp_path: Path) -> None:
    empty = statistics.compute(iter([rows().slice(0, 0)]), tfdv.StatsOptions())

    assert empty == on_beam([], tfdv.StatsOptions(), tmp_path)
    assert len(empty.datasets) == 1


def test_the_same_rows_give_the_same_bytes() -> None:
    first, second = (
        statistics.compute(in_batches(2_000), tfdv.StatsOptions()).SerializeToString(
            deterministic=True
        )
        for _ in range(2)
    )

    assert first == second


def test_a_sample_is_the_same_rows_for_any_size_of_batch() -> None:
    options = options_from({"sample_rate": 0.1})
    small = statistics.compute(in_batches(1_000), options)
    large = statistics.compute(in_batches(9_000), options)

    assert differences(small, large) == []
    assert 0.09 * NUM_ROWS < small.datasets[0].num_examples < 0.11 * NUM_ROWS


def test_parts_merge_to_the_whole() -> None:
    from headrace_components.library.data.top_values import ExactTopValuesGenerator

    generator = ExactTopValuesGenerator(tfdv.StatsOptions(weight_feature="weight"))
    batches = list(in_batches(5_000))
    parts = [generator.add_input(generator.create_accumulator(), batch) for batch in batches]
    whole = generator.create_accumulator()
    for batch in batches:
        whole = generator.add_input(whole, batch)

    merged = generator.extract_output(generator.merge_accumulators(parts))

    assert merged == generator.extract_output(whole)


def test_a_feature_that_changes_its_type_is_named() -> None:
    batches = [
        pa.RecordBatch.from_arrays([pa.array([[1]], INTS)], ["fare"]),
        pa.RecordBatch.from_arrays([pa.array([[b"x"]], BYTES)], ["fare"]),
    ]

    with pytest.raises(
        InputError, match=r"feature 'fare' holds int64 in some rows and large_binary in"
    ):
        statistics.compute(batches, tfdv.StatsOptions())


@pytest.mark.parametrize("name", ["sometimes", "several", "city", "nowhere"])
def test_a_weight_that_is_not_one_number_is_refused(name: str) -> None:
    options = options_from({"weight_feature": name})

    with pytest.raises(InputError, match=f"`weight_feature` is '{name}', which is not one number"):
        statistics.compute(in_batches(NUM_ROWS), options)


def test_an_allowlist_without_any_feature_of_the_rows_is_refused() -> None:
    options = options_from({"feature_allowlist": ["fair"]})

    with pytest.raises(InputError, match=r"`feature_allowlist` is \['fair'\], none of which"):
        statistics.compute(in_batches(NUM_ROWS), options)


def test_options_that_need_beam_are_refused() -> None:
    options = tfdv.StatsOptions(label_feature="late")

    with pytest.raises(InputError, match=r"set \['label_feature'\].* Pass `beam_pipeline_args`"):
        statistics.compute([], options)


def test_a_misspelt_option_gets_a_hint() -> None:
    with pytest.raises(InputError, match=r"'num_top_value', .* Did you mean 'num_top_values'\?"):
        options_from({"num_top_value": 3})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("num_top_values", 2.5, "a whole number from 0 to inf"),
        ("num_values_histogram_buckets", 1, "a whole number from 2 to inf"),
        ("epsilon", 3, "a number from 1e-06 to 1"),
        ("weight_feature", 3, "a string"),
        ("feature_allowlist", "fare", "a list"),
        ("add_default_generators", 1, "true or false"),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused(name: str, value: Any, expected: str) -> None:
    with pytest.raises(InputError, match=rf"sets '{name}' to .*, expected {expected}\."):
        options_from({name: value})


def test_a_categorical_float_asks_for_the_sketch() -> None:
    schema = schema_pb2.Schema()
    feature = schema.feature.add(name="grade", type=schema_pb2.FLOAT)
    feature.float_domain.is_categorical = True

    with pytest.raises(InputError, match=r"'grade' categorical.*use_sketch_based_topk_uniques"):
        options_from({}, schema)
    assert options_from({"use_sketch_based_topk_uniques": True}, schema).schema == schema
