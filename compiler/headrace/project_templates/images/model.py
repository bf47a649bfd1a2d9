"""The model: how it is built, trained and saved."""

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

from features import CLASSES, LABEL, PIXELS, SIDE

BATCH_SIZE = 32


def run_fn(fn_args):
    """Trains for `fn_args.train_steps` batches, and saves a model that serves tf.Examples."""
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    model = _model()
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


def _model():
    keras.utils.set_random_seed(7)
    pixels = keras.Input((SIDE * SIDE,), name=PIXELS)
    hidden = keras.layers.Reshape((SIDE, SIDE, 1))(pixels)
    for filters in (8, 16):
        hidden = keras.layers.Conv2D(filters, 3, activation="relu")(hidden)
        hidden = keras.layers.MaxPooling2D()(hidden)
    hidden = keras.layers.Flatten()(hidden)
    probabilities = keras.layers.Dense(len(CLASSES), activation="softmax")(hidden)
    model = keras.Model({PIXELS: pixels}, probabilities)
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


class _Server(tf.Module):
    """The model behind the transform graph: takes serialized tf.Examples."""

    def __init__(self, model, transform):
        super().__init__()
        self._model = model
        self._transform_layer = transform.transform_features_layer()
        self._raw_spec = {"image": transform.raw_feature_spec()["image"]}
        self._classes = tf.constant([CLASSES])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        """Returns the probability of each class, and the names of the classes beside them."""
        features = self._transform_layer(tf.io.parse_example(examples, self._raw_spec))
        probabilities = self._model({PIXELS: features[PIXELS]})
        classes = tf.repeat(self._classes, tf.shape(probabilities)[0], axis=0)
        return {"probabilities": probabilities, "classes": classes}
