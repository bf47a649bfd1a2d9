"""The trainer's input equals tfx_bsl's own, with and without the columnar twin."""

import collections
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from headrace_components.contract.errors import InputError
from headrace_components.library.data.example_rows import (
    Dense,
    Ragged,
    Rows,
    StoredRows,
    concat,
    epochs,
    shuffled,
    whole_batches,
)
from headrace_components.library.data.examples import ExamplesWriter
from headrace_components.library.user_code.data_accessor import make_data_accessor

# A feature of each kind: always present, with a shape, missing with a default, of any length.
SCHEMA = """
feature { name: "minute" type: INT presence { min_fraction: 1 } shape {} }
feature { name: "place" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 2 } } }
feature { name: "carrier" type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "gate" type: INT }
feature { name: "delay" type: FLOAT }
feature { name: "tail" type: BYTES }
feature { name: "never" type: BYTES }
tensor_representation_group { key: "" value {
  tensor_representation { key: "gate_or_0" value { dense_tensor {
    column_name: "gate" shape { dim { size: 1 } } default_value { int_value: -1 } } } }
  tensor_representation { key: "delay" value { varlen_sparse_tensor { column_name: "delay" } } }
  tensor_representation { key: "tail" value { varlen_sparse_tensor { column_name: "tail" } } }
  tensor_representation { key: "tower" value { dense_tensor {
    column_name: "never" shape { dim { size: 1 } } default_value { bytes_value: "none" } } } }
} }
"""
NUM_ROWS = 203


def rows(first: int, num_rows: int) -> pa.RecordBatch:
    numbers = range(first, first + num_rows)
    columns = {
        "minute": ([[n] for n in numbers], pa.int64()),
        "place": ([[n / 7, -n] for n in numbers], pa.float32()),
        "carrier": ([[f"carrier-{n % 5}".encode()] for n in numbers], pa.large_binary()),
        "gate": ([[n] if n % 3 else None for n in numbers], pa.int64()),
        "delay": ([[n * 0.5] * (n % 4) for n in numbers], pa.float32()),
        "tail": ([[b"N", str(n).encode()] if n % 2 else None for n in numbers], pa.large_binary()),
        "unread": ([[n] for n in numbers], pa.int64()),
    }
    arrays = [pa.array(values, pa.large_list(kind)) for values, kind in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("examples")
    for split, first in (("train", 0), ("eval", 1000)):
        with ExamplesWriter(path, split, rows_per_shard=100) as writer:
            for start in range(0, NUM_ROWS, 50):
                writer.write(rows(first + start, min(50, NUM_ROWS - start)))
    return path


@pytest.fixture
def schema() -> schema_pb2.Schema:
    return text_format.Parse(SCHEMA, schema_pb2.Schema())


def pattern(examples: Path, split: str = "train") -> str:
    return str(examples / f"Split-{split}" / "*")


def options(**changes: Any) -> tfxio.TensorFlowDatasetOptions:
    return tfxio.TensorFlowDatasetOptions(**{"batch_size": 16, "num_epochs": 1, **changes})


def ours(files: Sequence[str], opts: Any, schema: Any) -> tf.data.Dataset:
    return make_data_accessor("trainer").tf_dataset_factory(list(files), opts, schema)


def theirs(files: Sequence[str], opts: Any, schema: Any) -> tf.data.Dataset:
    return tfxio.TFExampleRecord(list(files), schema=schema).TensorFlowDataset(opts)


def plain(tensor: Any) -> Any:
    """A tensor as plain data; a sparse one with its shape."""
    if isinstance(tensor, tf.SparseTensor):
        parts = (tensor.indices, tensor.values, tensor.dense_shape)
        return tuple(part.numpy().tolist() for part in parts)
    return tensor.numpy().tolist()


def batches(dataset: Iterable[Any]) -> list[dict[str, Any]]:
    return [{name: plain(tensor) for name, tensor in batch.items()} for batch in dataset]


def row_counts(dataset: Iterable[dict[str, Any]]) -> collections.Counter[str]:
    """The number of times that each row occurs, with sparse values as lists."""
    counts: collections.Counter[str] = collections.Counter()
    for batch in dataset:
        columns = {
            name: tf.RaggedTensor.from_sparse(tensor).to_list()
            if isinstance(tensor, tf.SparseTensor)
            else tensor.numpy().tolist()
            for name, tensor in sorted(batch.items())
        }
        counts.update(repr(row) for row in zip(*columns.values(), strict=True))
    return counts


@pytest.mark.parametrize("batch_size", [1, 16, 203, 1000])
@pytest.mark.parametrize("drop_final_batch", [False, True])
def test_unshuffled_batches_equal_those_of_tfx_bsl(
    tmp_path: Path, schema: schema_pb2.Schema, batch_size: int, drop_final_batch: bool
) -> None:
    # In one shard, since tfx_bsl interleaves shards.
    with ExamplesWriter(tmp_path, "train") as writer:
        writer.write(rows(0, NUM_ROWS))
    opts = options(batch_size=batch_size, shuffle=False, drop_final_batch=drop_final_batch)
    dataset = ours([pattern(tmp_path)], opts, schema)
    reference = theirs([pattern(tmp_path)], opts, schema)

    assert dataset.element_spec == reference.element_spec
    assert batches(dataset) == batches(reference)


def test_shuffled_rows_are_those_of_tfx_bsl(examples: Path, schema: schema_pb2.Schema) -> None:
    files = [pattern(examples), pattern(examples, "eval")]
    dataset = ours(files, options(), schema)

    assert dataset.element_spec == theirs(files, options(), schema).element_spec
    assert row_counts(dataset) == row_counts(theirs(files, options(), schema))
    first = next(iter(dataset))["minute"].numpy().tolist()
    assert first != sorted(first)


def test_each_pass_has_another_order_and_a_seed_repeats_them_all(
    examples: Path, schema: schema_pb2.Schema
) -> None:
    seeded = [ours([pattern(examples)], options(shuffle_seed=7), schema) for _ in range(2)]
    first = [[batches(dataset), batches(dataset)] for dataset in seeded]

    assert first[0] == first[1]
    assert first[0][0] != first[0][1]


def test_batches_run_on_over_the_end_of_an_epoch(examples: Path, schema: schema_pb2.Schema) -> None:
    opts = options(batch_size=100, num_epochs=3)

    sizes = [len(batch["minute"]) for batch in ours([pattern(examples)], opts, schema)]

    assert sizes == [100] * 6 + [9]
    assert row_counts(ours([pattern(examples)], opts, schema)) == row_counts(
        theirs([pattern(examples)], opts, schema)
    )


def test_without_a_number_of_epochs_it_never_ends_and_batches_are_whole(
    examples: Path, schema: schema_pb2.Schema
) -> None:
    opts = options(batch_size=150, num_epochs=None)
    dataset = ours([pattern(examples)], opts, schema)

    assert dataset.element_spec == theirs([pattern(examples)], opts, schema).element_spec
    assert [len(batch["minute"]) for batch in dataset.take(5)] == [150] * 5


@pytest.mark.parametrize("label", ["minute", "delay"])
def test_the_label_is_taken_out_of_the_features(
    examples: Path, schema: schema_pb2.Schema, label: str
) -> None:
    opts = options(label_key=label)
    dataset = ours([pattern(examples)], opts, schema)

    assert dataset.element_spec == theirs([pattern(examples)], opts, schema).element_spec
    features, _ = next(iter(dataset))
    assert label not in features


def test_a_label_that_is_no_feature_is_refused(examples: Path, schema: schema_pb2.Schema) -> None:
    with pytest.raises(InputError, match=r"`label_key` is 'late', but the schema's features are"):
        ours([pattern(examples)], options(label_key="late"), schema)


@pytest.mark.parametrize("num_epochs", [1, None])
def test_a_split_without_rows_gives_no_batch(
    tmp_path: Path, schema: schema_pb2.Schema, num_epochs: int | None
) -> None:
    with ExamplesWriter(tmp_path, "train"):
        pass

    assert not batches(ours([pattern(tmp_path)], options(num_epochs=num_epochs), schema))


def test_without_a_twin_the_tfrecords_are_read(
    examples: Path, schema: schema_pb2.Schema, tmp_path: Path
) -> None:
    shutil.copytree(examples / "Split-train", tmp_path / "Split-train")

    dataset = ours([pattern(tmp_path)], options(), schema)

    assert row_counts(dataset) == row_counts(ours([pattern(examples)], options(), schema))


def test_a_damaged_twin_gives_the_tensors_of_the_tfrecords(
    examples: Path, tmp_path: Path, schema: schema_pb2.Schema
) -> None:
    path = shutil.copytree(examples, tmp_path / "examples")
    damaged = sorted((path / "Columnar-train").iterdir())[1]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 1
    damaged.write_bytes(content)
    files = [pattern(path)]

    found = batches(ours(files, options(shuffle=False), schema))

    assert found == batches(theirs(files, options(shuffle=False), schema))


@pytest.mark.parametrize("name", ["data_tfrecord-00000-*", "data_tfrecord-00001-of-00003.gz"])
def test_a_pattern_for_some_files_reads_those(
    examples: Path, schema: schema_pb2.Schema, name: str
) -> None:
    files = [str(examples / "Split-train" / name)]

    assert row_counts(ours(files, options(), schema)) == row_counts(
        theirs(files, options(), schema)
    )


def test_ragged_tensors_are_those_of_tfx_bsl(examples: Path) -> None:
    schema = text_format.Parse(
        """feature { name: "delay" type: FLOAT }
        represent_variable_length_as_ragged: true""",
        schema_pb2.Schema(),
    )

    (batch,) = ours([pattern(examples)], options(batch_size=NUM_ROWS), schema)

    assert isinstance(batch["delay"], tf.RaggedTensor)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ('name: "gate" type: INT presence { min_fraction: 1 } shape {}', r"'gate' is missing in"),
        (
            'name: "delay" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } }',
            r"feature 'delay' has 0 values in an example, but the schema's shape \[1\] means 1",
        ),
        ('name: "minute" type: FLOAT', r"feature 'minute' holds int64 in the examples, but the"),
    ],
)
def test_rows_that_contradict_the_schema_are_named(
    examples: Path, feature: str, message: str
) -> None:
    schema = text_format.Parse(f"feature {{ {feature} }}", schema_pb2.Schema())

    with pytest.raises(tf.errors.OpError, match=message):
        batches(ours([pattern(examples)], options(), schema))


def test_record_batches_are_those_of_tfx_bsl(examples: Path, schema: schema_pb2.Schema) -> None:
    opts = tfxio.RecordBatchesOptions(batch_size=50, num_epochs=1, shuffle=False)
    accessor = make_data_accessor("trainer")

    found = list(accessor.record_batch_factory([pattern(examples)], opts, schema))

    assert [batch.num_rows for batch in found] == [50, 50, 50, 50, 3]
    assert found[0].schema.names == [feature.name for feature in schema.feature]
    minutes = [row[0] for batch in found for row in batch.column(0).to_pylist()]
    assert sorted(minutes) == list(range(NUM_ROWS))


def test_a_payload_that_is_no_tf_example_is_refused() -> None:
    with pytest.raises(InputError, match=r"payload format of `examples` is 'FORMAT_PROTO', expect"):
        make_data_accessor("trainer", "FORMAT_PROTO")


def test_a_model_trains_on_it(examples: Path, schema: schema_pb2.Schema) -> None:
    del schema.feature[3:]
    schema.ClearField("tensor_representation_group")
    opts = options(label_key="minute", num_epochs=None)
    dataset = ours([pattern(examples)], opts, schema).map(
        lambda features, label: (features["place"], label)
    )
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile(loss="mse")

    history = model.fit(dataset, steps_per_epoch=20, epochs=2, verbose=0)

    assert len(history.history["loss"]) == 2


def numbered(num_rows: int, first: int = 0) -> Rows:
    numbers = np.arange(first, first + num_rows)
    columns: dict[str, Dense | Ragged] = {
        "dense": Dense(values=numbers),
        "ragged": Ragged.of(np.repeat(numbers, numbers % 3), numbers % 3),
    }
    return Rows(num_rows=num_rows, columns=columns)


def check_columns_agree(piece: Rows) -> list[int]:
    numbers: list[int] = piece.columns["dense"].values.tolist()
    ragged = piece.columns["ragged"]
    assert isinstance(ragged, Ragged)
    assert ragged.lengths.tolist() == [number % 3 for number in numbers]
    values = ragged.values[ragged.offsets[0] : ragged.offsets[-1]].tolist()
    assert values == [number for number in numbers for _ in range(number % 3)]
    return numbers


def test_shuffling_a_stream_keeps_every_row_whole_and_mixes_blocks() -> None:
    blocks = (numbered(100, first) for first in range(0, 1000, 100))

    pieces = list(shuffled(blocks, 250, np.random.default_rng(1)))

    numbers = [number for piece in pieces for number in check_columns_agree(piece)]
    assert sorted(numbers) == list(range(1000))
    # Rows are held back for later ones, and none comes before it was read.
    assert len({number // 100 for number in numbers[:100]}) > 2
    assert max(numbers[:50]) < 300


def words(column: Dense | Ragged) -> list[bytes]:
    assert column.vocabulary is not None
    values = column.own_values if isinstance(column, Ragged) else column.values
    found: list[bytes] = column.vocabulary[values].tolist()
    return found


def test_strings_of_different_vocabularies_are_joined() -> None:
    vocabularies = [np.array(text, np.object_) for text in ([b"AA", b"UA"], [b"UA", b"DL"])]
    first, second = (
        Dense(values=np.array([1, 0, 1]), vocabulary=vocabulary) for vocabulary in vocabularies
    )
    ragged = Ragged.of(np.array([0, 1, 1]), np.array([2, 0, 1]), vocabularies[0])

    assert words(first.concat([second])) == [b"UA", b"AA", b"UA", b"DL", b"UA", b"DL"]
    joined = ragged.slice(1, 3).concat([Ragged.of(np.array([1]), np.array([1]), vocabularies[1])])
    assert words(joined) == [b"UA", b"DL"]
    assert joined.lengths.tolist() == [0, 1, 1]


def test_a_vocabulary_does_not_outgrow_its_rows() -> None:
    pool = Dense(values=np.arange(3), vocabulary=np.array([b"a", b"b", b"c"], np.object_))
    for number in range(100):
        word = np.array([str(number).encode()], np.object_)
        pool = pool.slice(1, 3).concat([Dense(values=np.array([0]), vocabulary=word)])

    assert words(pool) == [b"97", b"98", b"99"]
    assert pool.vocabulary is not None
    assert len(pool.vocabulary) <= 3


def test_a_stream_is_cut_into_whole_batches_and_a_rest() -> None:
    stream = [numbered(7), numbered(3, 7), numbered(6, 10)]

    pieces = list(whole_batches(iter(stream), 5, drop_rest=False))

    assert [piece.num_rows for piece in pieces] == [5, 5, 5, 1]
    assert [n for piece in pieces for n in check_columns_agree(piece)] == list(range(16))
    assert sum(p.num_rows for p in whole_batches(iter(stream), 5, drop_rest=True)) == 15


@pytest.mark.parametrize(("max_cache_bytes", "num_readings"), [(10**9, 1), (100, 3)])
def test_only_what_fits_into_memory_is_kept_for_the_next_epoch(
    max_cache_bytes: int, num_readings: int
) -> None:
    readings = []

    def read() -> Any:
        readings.append(1)
        return iter([numbered(40), numbered(60, 40)])

    source = StoredRows(read, max_cache_bytes)
    for epoch in epochs(source, 3):
        assert check_columns_agree(concat(list(epoch))) == list(range(100))

    assert len(readings) == num_readings
