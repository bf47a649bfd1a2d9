"""Trains as a run_fn does, by Headrace's data accessor and Keras, or by a loop written for speed.

The loop has tf.data over the TFRecords and a step in one graph, which XLA compiles on a GPU; on a
CPU it would take twice as long. Both train the same model on the same rows. What is measured begins
after the first steps, which TensorFlow traces and compiles.
"""

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from bench import clock
from bench.inputs import FLIGHTS
from headrace_components.library.data.examples import ExamplesReader, ExamplesWriter
from headrace_components.library.user_code.data_accessor import make_data_accessor

_WARM_UP_STEPS = 5
_NUM_IMAGES, _SIDE, _NUM_CLASSES = 2048, 32, 10
_IMAGE_SCHEMA = """
feature { name: "pixels" type: FLOAT presence { min_fraction: 1 }
          shape { dim { size: 32 } dim { size: 32 } dim { size: 3 } } }
feature { name: "label" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A model to train, and its data.

    Attributes:
        examples: Directory of an Examples artifact with the split `train`.
        schema: Its schema.
        spec: The same for `tf.io.parse_example`.
        label: The feature that is predicted.
        batch_size: Rows of a step.
        make_model: Makes the compiled model.
    """

    examples: Path
    schema: schema_pb2.Schema
    spec: dict[str, Any]
    label: str
    batch_size: int
    make_model: Callable[[], keras.Model]


def main() -> None:
    arguments = json.loads(sys.argv[1])
    work = _images(Path(arguments["images"])) if "images" in arguments else _flights(arguments)
    steps: int = arguments["steps"]
    is_by_hand = arguments["loop"] == "hand"
    figures = _by_hand(work, steps, arguments["xla"]) if is_by_hand else _as_run_fn(work, steps)
    clock.report({**figures, "rows": steps * work.batch_size})


def _as_run_fn(work: Work, steps: int) -> dict[str, float]:
    options = tfxio.TensorFlowDatasetOptions(
        batch_size=work.batch_size, label_key=work.label, shuffle_seed=13
    )
    files = [ExamplesReader(work.examples, "bench").tfrecord_pattern("train")]
    rows = make_data_accessor("bench").tf_dataset_factory(files, options, work.schema)
    model = work.make_model()
    model.fit(rows, steps_per_epoch=_WARM_UP_STEPS, verbose=0)
    return clock.measure(lambda: model.fit(rows, steps_per_epoch=steps, verbose=0))


def _by_hand(work: Work, steps: int, xla: bool) -> dict[str, float]:
    files = tf.data.Dataset.list_files(str(work.examples / "Split-train/*"), shuffle=False)
    records = files.interleave(lambda file: tf.data.TFRecordDataset(file, "GZIP"))
    batches = records.shuffle(10_000, seed=13).repeat().batch(work.batch_size, drop_remainder=True)
    parsed = batches.map(
        lambda batch: tf.io.parse_example(batch, work.spec), num_parallel_calls=tf.data.AUTOTUNE
    ).prefetch(tf.data.AUTOTUNE)
    model = work.make_model()
    optimizer, loss_of = model.optimizer, keras.losses.get(model.loss)

    def step(rows: dict[str, Any], labels: Any) -> Any:
        with tf.GradientTape() as tape:
            predicted = model(rows, training=True)
            loss = tf.reduce_mean(loss_of(tf.reshape(labels, (-1, 1)), predicted))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    optimizer.build(model.trainable_variables)
    compiled = tf.function(step, jit_compile=xla)

    def train(count: int) -> None:
        loss: Any = 0.0
        for rows in parsed.take(count):
            labels = rows.pop(work.label)
            loss = compiled({name: _column(rows[name]) for name in rows}, labels)
        float(loss)  # waits for the device

    train(_WARM_UP_STEPS)
    return clock.measure(lambda: train(steps))


def _column(tensor: Any) -> Any:
    # Keras adds the axis by itself where its input has one.
    return tensor[:, tf.newaxis] if tensor.shape.rank == 1 else tensor


def _flights(arguments: dict[str, Any]) -> Work:
    transform = tft.TFTransformOutput(arguments["transform_graph"])
    found = importlib.util.spec_from_file_location("flights_module", FLIGHTS / "module.py")
    if found is None or found.loader is None:
        raise FileNotFoundError(FLIGHTS / "module.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return Work(
        examples=Path(arguments["examples"]),
        schema=transform.transformed_metadata.schema,
        spec=transform.transformed_feature_spec(),
        label=module.LABEL,
        batch_size=module.BATCH_SIZE,
        make_model=module._model,
    )


def _images(directory: Path) -> Work:
    if not directory.is_dir():
        _write_images(directory)
    return Work(
        examples=directory,
        schema=text_format.Parse(_IMAGE_SCHEMA, schema_pb2.Schema()),
        spec={
            "pixels": tf.io.FixedLenFeature([_SIDE, _SIDE, 3], tf.float32),
            "label": tf.io.FixedLenFeature([1], tf.int64),
        },
        label="label",
        batch_size=64,
        make_model=_image_model,
    )


def _write_images(directory: Path) -> None:
    """Writes pictures of noise; what is in them does not change the time."""
    rng = np.random.default_rng(7)
    pixels = (rng.integers(0, 16, _NUM_IMAGES * _SIDE * _SIDE * 3) / 16).astype(np.float32)
    offsets = np.arange(0, len(pixels) + 1, _SIDE * _SIDE * 3)
    labels = rng.integers(0, _NUM_CLASSES, _NUM_IMAGES)
    columns = [
        pa.LargeListArray.from_arrays(np.arange(_NUM_IMAGES + 1), pa.array(labels)),
        pa.LargeListArray.from_arrays(offsets, pa.array(pixels)),
    ]
    with ExamplesWriter(directory, "train") as writer:
        writer.write(pa.RecordBatch.from_arrays(columns, ["label", "pixels"]))


def _image_model() -> keras.Model:
    inputs = {"pixels": keras.Input((_SIDE, _SIDE, 3), name="pixels")}
    hidden = inputs["pixels"]
    for filters in (32, 64, 128):
        hidden = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(hidden)
        hidden = keras.layers.MaxPooling2D()(hidden)
    hidden = keras.layers.GlobalAveragePooling2D()(hidden)
    model = keras.Model(inputs, keras.layers.Dense(_NUM_CLASSES, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


if __name__ == "__main__":
    main()
