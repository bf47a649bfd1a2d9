"""Every kind of TensorFlow Transform output is written, and read with its own reader."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from headrace_components.library.user_code.data_accessor import make_data_accessor
from support.launcher.entry_points import Launcher, Outcome

MODULE = """
import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    fare, numbers, words = inputs["fare"], inputs["numbers"], inputs["words"]
    ragged = tf.RaggedTensor.from_sparse(numbers)
    letters = tf.strings.unicode_split(tf.RaggedTensor.from_sparse(words), "UTF-8")
    codes = tf.cast(tf.strings.unicode_decode(letters, "UTF-8").flat_values, tf.int64)
    lengths = tf.cast(tf.strings.length(letters).flat_values, tf.float32)
    column = tf.math.floormod(numbers.indices[:, 1:], 2)
    matrix = tf.SparseTensor(
        tf.concat([numbers.indices, column], axis=1),
        numbers.values,
        tf.concat([numbers.dense_shape, [2]], axis=0),
    )
    tft.experimental.annotate_sparse_output_shape(matrix, [5, 2])
    return {
        "scalar": fare,
        "scalar_int": tf.cast(fare, tf.int64),
        "scalar_text": tf.strings.as_string(fare),
        "vector": tf.stack([fare, -fare], axis=1),
        "vector_text": tf.reshape(tf.strings.as_string(fare), [-1, 1]),
        "matrix": tf.reshape(tf.tile(fare, [6]), [-1, 2, 3]),
        "sparse_int": numbers,
        "sparse_text": words,
        "sparse_float": tf.cast(numbers, tf.float32),
        "sparse_matrix": matrix,
        "ragged": ragged,
        "ragged_text": tf.RaggedTensor.from_sparse(words),
        "ragged_float": tf.cast(ragged, tf.float32) / 2.0,
        "ragged_2": letters,
        "ragged_2_float": letters.with_flat_values(lengths),
        "ragged_3": tf.strings.bytes_split(letters),
        "ragged_3_int": tf.cast(tf.strings.unicode_decode(letters, "UTF-8"), tf.int64),
        "uniform": ragged.with_flat_values(tf.stack([ragged.flat_values] * 2, axis=1)),
        "uniform_2": letters.with_flat_values(tf.reshape(tf.repeat(lengths, 6), [-1, 2, 3])),
        "uniform_3": tf.strings.unicode_decode(letters, "UTF-8").with_flat_values(
            tf.stack([codes, codes], axis=1)
        ),
    }
"""

SCHEMA = """
feature { name: "fare" type: FLOAT presence { min_fraction: 1 } shape {} }
feature { name: "numbers" type: INT }
feature { name: "words" type: BYTES }
"""

# Rows without values are first, in between and last; a split of nothing else; one without rows.
SPLITS: dict[str, list[tuple[float, list[int], list[str]]]] = {
    "train": [
        (1.5, [], []),
        (2.5, [7, -3, 2**53 + 1], ["näh", "", "x"]),
        (3.5, [], []),
        (4.5, [5], ["", "zwölf"]),
        (5.5, [1, 2], []),
        (6.5, [], [""]),
    ],
    "empty": [(1.0, [], []), (2.0, [], [])],
    "none": [],
}


@pytest.mark.slow
@pytest.mark.parametrize("args", [[], ["--runner=DirectRunner"]], ids=["embedded", "beam"])
def test_every_output_is_read_as_the_graph_made_it(
    launcher: Launcher, tmp_path: Path, args: list[str]
) -> None:
    examples, outcome = transformed(launcher, tmp_path, args)
    result = tft.TFTransformOutput(str(outcome["transform_graph"].path))
    written = outcome["transformed_examples"].path
    layer = result.transform_features_layer()
    schema = result.transformed_metadata.schema
    accessor = make_data_accessor("test")
    for split in ("train", "empty"):
        raw = tf.io.parse_example(records(examples / f"Split-{split}"), result.raw_feature_spec())
        expected = plain(layer(raw))

        read = tf.io.parse_example(
            records(written / f"Split-{split}"), result.transformed_feature_spec()
        )
        options = tfxio.TensorFlowDatasetOptions(batch_size=10, num_epochs=1, shuffle=False)
        pattern = str(written / f"Split-{split}/*")
        (batch,) = accessor.tf_dataset_factory([pattern], options, schema)

        assert plain(read) == expected, split
        assert plain(batch) == expected, split
    assert records(written / "Split-none") == []


@pytest.mark.slow
def test_the_columnar_twin_has_the_features_of_the_records(
    launcher: Launcher, tmp_path: Path
) -> None:
    _, outcome = transformed(launcher, tmp_path, [])
    path = outcome["transformed_examples"].path

    reader = ExamplesReader(path, "test")
    assert reader.has_columnar("train")
    (twin,) = reader.record_batches("train")
    (path / "columnar.json").unlink()
    (decoded,) = ExamplesReader(path, "test").record_batches("train")
    assert twin.equals(decoded)


def transformed(launcher: Launcher, tmp_path: Path, args: list[str]) -> tuple[Path, Outcome]:
    for split, rows in SPLITS.items():
        batch = pa.RecordBatch.from_pydict(
            {
                "fare": pa.array([[fare] for fare, _, _ in rows], pa.large_list(pa.float32())),
                "numbers": pa.array([row[1] for row in rows], pa.large_list(pa.int64())),
                "words": pa.array([row[2] for row in rows], pa.large_list(pa.large_binary())),
            }
        )
        with ExamplesWriter(tmp_path / "examples", split) as writer:
            writer.write(batch)
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/schema.pbtxt").write_text(SCHEMA, "utf-8")
    module = tmp_path / "module.py"
    module.write_text(MODULE, "utf-8")
    outcome = launcher.run(
        "transform",
        {
            "module_file": str(module),
            "beam_pipeline_args": args,
            "splits_config": {"analyze": ["train"], "transform": list(SPLITS)},
        },
        examples=launcher.store(tmp_path / "examples"),
        schema=launcher.store(tmp_path / "schema"),
    )
    return tmp_path / "examples", outcome


def records(folder: Path) -> list[bytes]:
    files = sorted(str(file) for file in folder.iterdir())
    return [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]


def plain(tensors: Any) -> dict[str, Any]:
    """Returns tensors as lists; a sparse one as its values by position."""
    found = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, tf.SparseTensor):
            places = map(tuple, tensor.indices.numpy().tolist())
            found[name] = dict(zip(places, tensor.values.numpy().tolist(), strict=True))
        elif isinstance(tensor, tf.RaggedTensor):
            found[name] = tensor.to_list()
        else:
            found[name] = tensor.numpy().tolist()
    return found
