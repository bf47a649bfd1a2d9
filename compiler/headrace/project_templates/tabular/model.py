"""The model: how it is built, trained and saved."""

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

from features import HOURS, LABEL, NUMBERS, OOV_BUCKETS, WORDS

BATCH_SIZE = 64


def run_fn(fn_args):
    """Trains for `fn_args.train_steps` batches, and saves a model that serves tf.Examples."""
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    model = _model(transform)
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


def _model(transform):
    keras.utils.set_random_seed(7)
    sizes = {name: transform.vocabulary_size_by_name(name) + OOV_BUCKETS for name in WORDS}
    inputs = {name: keras.Input((1,), name=name) for name in NUMBERS}
    encoded = list(inputs.values())
    for name, size in {**sizes, "hour": HOURS}.items():
        inputs[name] = keras.Input((1,), name=name, dtype="int64")
        encoded.append(keras.layers.Flatten()(keras.layers.Embedding(size, 4)(inputs[name])))
    hidden = keras.layers.Concatenate()(encoded)
    hidden = keras.layers.Dense(32, activation="relu")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["AUC"])
    return model


class _Server(tf.Module):
    """The model behind the transform graph: takes serialized tf.Examples, returns probabilities."""

    def __init__(self, model, transform):
        super().__init__()
        self._model = model
        self._transform_layer = transform.transform_features_layer()
        self._raw_spec = transform.raw_feature_spec()
        del self._raw_spec[LABEL]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        features = self._transform_layer(tf.io.parse_example(examples, self._raw_spec))
        features.pop(LABEL, None)
        inputs = {name: tf.reshape(value, [-1, 1]) for name, value in features.items()}
        return {"probability": self._model(inputs)}
