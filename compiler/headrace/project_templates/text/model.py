"""The model: how it is built, trained and saved."""

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

from features import LABEL, NUM_WORDS, OOV_BUCKETS, WORDS

BATCH_SIZE = 32


def run_fn(fn_args):
    """Trains for `fn_args.train_steps` batches, and saves a model that serves tf.Examples."""
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    model = _model(transform.vocabulary_size_by_name(WORDS) + OOV_BUCKETS)
    model.fit(
        _batches(fn_args, fn_args.train_files, transform),
        steps_per_epoch=fn_args.train_steps,
        callbacks=[keras.callbacks.TensorBoard(fn_args.model_run_dir)],
        verbose=2,
    )
    server = _Server(model, transform)
    signature = server.serve.get_concrete_function()
    tf.saved_model.save(server, fn_args.serving_model_dir, {"serving_default": signature})


def _batches(fn_args, files, transform):
    options = tfxio.TensorFlowDatasetOptions(batch_size=BATCH_SIZE, label_key=LABEL, shuffle_seed=7)
    schema = transform.transformed_metadata.schema
    return fn_args.data_accessor.tf_dataset_factory(files, options, schema)


def _model(vocabulary_size):
    keras.utils.set_random_seed(7)
    words = keras.Input((NUM_WORDS,), name=WORDS, dtype="int64")
    hidden = keras.layers.Embedding(vocabulary_size, 16)(words)
    hidden = keras.layers.GlobalAveragePooling1D()(hidden)
    hidden = keras.layers.Dense(16, activation="relu")(hidden)
    model = keras.Model({WORDS: words}, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", metrics=["accuracy"])
    return model


class _Server(tf.Module):
    """The model behind the transform graph: takes serialized tf.Examples, returns probabilities."""

    def __init__(self, model, transform):
        super().__init__()
        self._model = model
        self._transform_layer = transform.transform_features_layer()
        self._raw_spec = {"text": transform.raw_feature_spec()["text"]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        features = self._transform_layer(tf.io.parse_example(examples, self._raw_spec))
        return {"probability": self._model({WORDS: features[WORDS]})}
