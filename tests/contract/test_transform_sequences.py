"""Transform over tf.SequenceExamples, compared with the results of TensorFlow Transform itself."""

import runpy
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio import tensor_representation_util
from tfx_bsl.tfxio.tf_sequence_example_record import TFSequenceExampleBeamRecord

from headrace_components.library.data.tfrecord import TFRecordWriter
from support.launcher.entry_points import Launcher, Outcome, Stored, TaskFailedError

SEQUENCES = {"payload_format": "FORMAT_TF_SEQUENCE_EXAMPLE"}

SCHEMA = """
feature { name: "user" type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "age" type: INT }
feature { name: "left_out" type: FLOAT }
feature {
  name: "##SEQUENCE##"
  type: STRUCT
  struct_domain {
    feature { name: "word" type: BYTES }
    feature { name: "price" type: FLOAT }
    feature { name: "count" type: INT }
  }
}
"""

# Without it the tensor has tfx_bsl's name, `##SEQUENCE##.price`.
NAMED = """
tensor_representation_group {
  key: ""
  value {
    tensor_representation {
      key: "price"
      value { ragged_tensor { feature_path { step: "##SEQUENCE##" step: "price" } } }
    }
  }
}
"""

MODULE = """
import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    price = inputs["price"] if "price" in inputs else inputs["##SEQUENCE##.price"]
    word = inputs["##SEQUENCE##.word"]
    longest = tf.cast(tft.max(price.row_lengths()), tf.float32)
    return {
        "user": tft.compute_and_apply_vocabulary(inputs["user"], vocab_filename="user"),
        "age": tft.scale_to_0_1(inputs["age"]),
        "word": tft.compute_and_apply_vocabulary(word, vocab_filename="word"),
        "price": tft.scale_to_z_score(price),
        "flat_price": price.merge_dims(1, 2),
        "total": tf.cast(tf.reduce_sum(price, axis=[1, 2]), tf.float32) / longest,
        "steps": word.row_lengths(),
    }
"""

# A row's user, age, and steps of words and prices; some rows have no steps, some steps no values.
ROWS: dict[str, list[tuple[str, list[int], list[list[str]], list[list[float]]]]] = {
    "train": [
        ("ann", [31], [["to", "be"], ["or"]], [[1.0], [2.5, 3.0], []]),
        ("bob", [], [], []),
        ("ann", [7], [[], ["not", "to", "be"]], [[4.0]]),
        ("cid", [9, 10], [["be"]], []),
    ],
    "eval": [("dan", [], [["new"], [], ["to"]], [[], [9.0]]), ("ann", [1], [], [])],
}


@pytest.fixture
def wired(launcher: Launcher, tmp_path: Path) -> dict[str, Stored]:
    for split, rows in ROWS.items():
        folder = tmp_path / f"examples/Split-{split}"
        folder.mkdir(parents=True)
        with TFRecordWriter(folder / "data_tfrecord-00000-of-00001.gz") as writer:
            writer.write([record(*row) for row in rows])
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/schema.pbtxt").write_text(SCHEMA + NAMED, "utf-8")
    return {
        "examples": launcher.store(tmp_path / "examples", SEQUENCES),
        "schema": launcher.store(tmp_path / "schema"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("args", [[], ["--runner=DirectRunner"]], ids=["embedded", "beam"])
def test_the_graph_and_the_rows_are_those_of_tensorflow_transform(
    launcher: Launcher, wired: dict[str, Stored], tmp_path: Path, args: list[str]
) -> None:
    outcome = run(launcher, tmp_path, wired, beam_pipeline_args=args)
    oracle = tmp_path / "oracle"
    write_oracle(oracle, tmp_path / "module.py")

    ours = outcome["transform_graph"].path
    for name in ("transformed_metadata/schema.pbtxt", "transform_fn/assets/word"):
        assert (ours / name).read_bytes() == (oracle / name).read_bytes(), name
    graph = tft.TFTransformOutput(str(oracle))
    for split, rows in ROWS.items():
        expected = graph.transform_raw_features(parsed([record(*row) for row in rows]))
        (file,) = (outcome["transformed_examples"].path / f"Split-{split}").iterdir()
        records = [each.numpy() for each in tf.data.TFRecordDataset(str(file), "GZIP")]
        read = tf.io.parse_example(records, graph.transformed_feature_spec())
        assert read.keys() == expected.keys()
        for name, tensor in read.items():
            left, right = dense(tensor).numpy(), dense(expected[name]).numpy()
            if left.dtype.kind == "f":
                np.testing.assert_allclose(left, right, rtol=1e-5, err_msg=name)
            else:
                np.testing.assert_array_equal(left, right, err_msg=name)
    assert outcome["transformed_examples"].metadata.get("payload_format") in (
        None,
        "FORMAT_TF_EXAMPLE",
    )


@pytest.mark.slow
def test_the_steps_before_and_after_take_sequences_too(
    launcher: Launcher, wired: dict[str, Stored], tmp_path: Path
) -> None:
    statistics = launcher.run("statistics_gen", {}, examples=wired["examples"])["statistics"]
    schema = launcher.run("schema_gen", {}, statistics=statistics)["schema"]

    outcome = run(launcher, tmp_path, {**wired, "schema": schema})

    spec = tft.TFTransformOutput(str(outcome["transform_graph"].path)).transformed_feature_spec()
    assert [each.key for each in spec["price"].partitions] == ["price$row_lengths_1"]
    assert spec["steps"] == tf.io.FixedLenFeature([], tf.int64)


def test_what_contradicts_the_schema_is_named(
    launcher: Launcher, wired: dict[str, Stored], tmp_path: Path
) -> None:
    schema = wired["schema"].path / "schema.pbtxt"
    schema.write_text(SCHEMA.replace('"price" type: FLOAT', '"price" type: INT') + NAMED, "utf-8")
    with pytest.raises(TaskFailedError, match=r"feature 'price' holds whole.*decimals"):
        run(launcher, tmp_path, wired)

    plain = launcher.store(tmp_path / "examples")
    with pytest.raises(TaskFailedError, match=r"describes sequences \(##SEQUENCE##\), but"):
        run(launcher, tmp_path, {**wired, "examples": plain})


def run(launcher: Launcher, tmp_path: Path, wired: dict[str, Stored], **parameters: Any) -> Outcome:
    module = tmp_path / "module.py"
    module.write_text(MODULE, "utf-8")
    given = {"module_file": str(module), **parameters}
    return launcher.run("transform", given, None, **wired)


def record(user: str, age: list[int], words: list[list[str]], prices: list[list[float]]) -> bytes:
    example = tf.train.SequenceExample()
    example.context.feature["user"].bytes_list.value.append(user.encode())
    if age:
        example.context.feature["age"].int64_list.value.extend(age)
    for step in words:
        feature = example.feature_lists.feature_list["word"].feature.add()
        feature.bytes_list.value.extend(word.encode() for word in step)
    for numbers in prices:
        feature = example.feature_lists.feature_list["price"].feature.add()
        feature.float_list.value.extend(numbers)
    serialized: bytes = example.SerializeToString()
    return serialized


def write_oracle(folder: Path, module: Path) -> None:
    """Analyzes the rows with TensorFlow Transform like TFX, on Beam and with tfx_bsl's source."""
    schema = text_format.Parse(SCHEMA + NAMED, schema_pb2.Schema())
    source = TFSequenceExampleBeamRecord("text", ["test"], schema)
    function = runpy.run_path(str(module))["preprocessing_fn"]
    temp_dir = str(folder.with_name("temp"))
    with beam.Pipeline(runner="DirectRunner") as pipeline, tft_beam.Context(temp_dir=temp_dir):
        rows = pipeline | beam.Create([record(*row) for row in ROWS["train"]])
        data = (rows | source.BeamSource(), source.TensorAdapterConfig())
        _ = data | tft_beam.AnalyzeDataset(function) | tft_beam.WriteTransformFn(str(folder))


def parsed(records: list[bytes]) -> dict[str, Any]:
    schema = text_format.Parse(SCHEMA + NAMED, schema_pb2.Schema())
    # The parser's config only has the features of the schema's representations.
    named = tensor_representation_util.InferTensorRepresentationsFromMixedSchema(schema)
    tensor_representation_util.SetTensorRepresentationsInSchema(schema, named)
    configs = tensor_representation_util.CreateTfSequenceExampleParserConfig(schema)
    context, sequences, _ = tf.io.parse_sequence_example(records, *configs)
    return {**context, **sequences}


def dense(tensor: Any) -> Any:
    if isinstance(tensor, tf.SparseTensor):
        return tf.sparse.to_dense(tensor)
    return tensor.to_tensor() if isinstance(tensor, tf.RaggedTensor) else tensor
