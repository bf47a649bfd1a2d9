"""The model: how it is built, trained further each day, and saved."""

from pathlib import Path

import keras
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

LABEL = "late"
# Hashed and scaled by constants, so that weights mean the same on every day.
BUCKETS = {"city": 64, "carrier": 16}
SCALES = {"distance_km": 10.0, "hour": 12.0}
BATCH_SIZE = 64
WEIGHTS = "model.weights.h5"


def run_fn(fn_args):
    """Trains for `fn_args.train_steps` batches, from where the model of the last run stopped."""
    model = _model()
    if fn_args.base_model:
        model.load_weights(Path(fn_args.base_model, WEIGHTS))
    schema = text_format.Parse(Path(fn_args.schema_path).read_text("utf-8"), schema_pb2.Schema())
    options = tfxio.TensorFlowDatasetOptions(batch_size=BATCH_SIZE, label_key=LABEL, shuffle_seed=7)
    orders = fn_args.data_accessor.tf_dataset_factory(fn_args.train_files, options, schema)
    orders = orders.map(lambda features, late: (_encoded(features), late))
    model.fit(
        orders,
        steps_per_epoch=fn_args.train_steps,
        callbacks=[keras.callbacks.TensorBoard(fn_args.model_run_dir)],
        verbose=2,
    )
    server = _Server(model)
    tf.saved_model.save(server, fn_args.serving_model_dir, {"serving_default": server.serve})
    model.save_weights(Path(fn_args.serving_model_dir, WEIGHTS))


def _encoded(features):
    numbers = {name: tf.cast(features[name], tf.float32) / scale for name, scale in SCALES.items()}
    buckets = {
        name: tf.strings.to_hash_bucket_fast(features[name], size) for name, size in BUCKETS.items()
    }
    return numbers | buckets


def _model():
    keras.utils.set_random_seed(7)
    inputs = {name: keras.Input((1,), name=name) for name in SCALES}
    parts = list(inputs.values())
    for name, size in BUCKETS.items():
        inputs[name] = keras.Input((1,), name=name, dtype="int64")
        parts.append(keras.layers.Flatten()(keras.layers.Embedding(size, 4)(inputs[name])))
    hidden = keras.layers.Dense(32, activation="relu")(keras.layers.Concatenate()(parts))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["AUC"])
    return model


class _Server(tf.Module):
    """The model for servers: takes serialized tf.Examples, returns probabilities."""

    def __init__(self, model):
        super().__init__()
        self._model = model
        self._spec = {
            "city": tf.io.FixedLenFeature([1], tf.string),
            "carrier": tf.io.FixedLenFeature([1], tf.string),
            "distance_km": tf.io.FixedLenFeature([1], tf.float32),
            "hour": tf.io.FixedLenFeature([1], tf.int64),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        features = tf.io.parse_example(examples, self._spec)
        return {"probability": self._model(_encoded(features))}
