"""The functions that Headrace calls: they decode images, and tune and train the model."""

import keras
import keras_tuner
import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx
from tfx_bsl.public import tfxio

LABEL = "label"
PIXELS = "pixels"
SIDE = 8
NUM_DIGITS = 10
BATCH_SIZE = 32


def preprocessing_fn(inputs):
    """Decodes the images; serving applies the same graph."""
    images = tf.map_fn(_decoded, inputs["image"][:, 0], fn_output_signature=tf.float32)
    return {PIXELS: images, LABEL: inputs[LABEL]}


def tuner_fn(fn_args):
    """Tries both sizes of the layer with both learning rates."""
    tuner = keras_tuner.GridSearch(
        _model, "val_accuracy", max_trials=4, directory=fn_args.working_dir, project_name="digits"
    )
    fit_kwargs = {
        "x": _dataset(fn_args, fn_args.train_files),
        "validation_data": _dataset(fn_args, fn_args.eval_files),
        "steps_per_epoch": fn_args.train_steps,
        "validation_steps": fn_args.eval_steps,
        "verbose": 0,
    }
    return tfx.components.TunerFnResult(tuner=tuner, fit_kwargs=fit_kwargs)


def run_fn(fn_args):
    """Trains with the best hyperparameters; saves one signature for servers and one for devices."""
    model = _model(keras_tuner.HyperParameters.from_config(fn_args.hyperparameters))
    log = keras.callbacks.TensorBoard(fn_args.model_run_dir)
    model.fit(
        _dataset(fn_args, fn_args.train_files),
        steps_per_epoch=fn_args.train_steps or 400,
        callbacks=[log],
        verbose=2,
    )
    server = _Server(model, tft.TFTransformOutput(fn_args.transform_graph_path))
    signatures = {"serving_default": server.serve, PIXELS: server.classify}
    tf.saved_model.save(server, fn_args.serving_model_dir, signatures)


def _decoded(image):
    grey = tf.io.decode_png(image, channels=1)
    return tf.reshape(tf.image.convert_image_dtype(grey, tf.float32), [SIDE * SIDE])


def _dataset(fn_args, files):
    options = tfxio.TensorFlowDatasetOptions(batch_size=BATCH_SIZE, label_key=LABEL, shuffle_seed=7)
    schema = tft.TFTransformOutput(fn_args.transform_graph_path).transformed_metadata.schema
    return fn_args.data_accessor.tf_dataset_factory(files, options, schema)


def _model(hp):
    keras.utils.set_random_seed(7)
    pixels = keras.Input((SIDE * SIDE,), name=PIXELS)
    image = keras.layers.Reshape((SIDE, SIDE, 1))(pixels)
    image = keras.layers.Conv2D(hp.Choice("filters", [8, 16]), 3, activation="relu")(image)
    hidden = keras.layers.Flatten()(image)
    probabilities = keras.layers.Dense(NUM_DIGITS, activation="softmax")(hidden)
    model = keras.Model({PIXELS: pixels}, probabilities)
    model.compile(
        keras.optimizers.Adam(hp.Choice("learning_rate", [1e-2, 1e-4])),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


class _Server(tf.Module):
    """The model behind the transform graph for servers, and without it for devices."""

    def __init__(self, model, transform):
        super().__init__()
        self._model = model
        self._transform_layer = transform.transform_features_layer()
        self._image_spec = {"image": transform.raw_feature_spec()["image"]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        features = self._transform_layer(tf.io.parse_example(examples, self._image_spec))
        return self.classify(features[PIXELS])

    @tf.function(input_signature=[tf.TensorSpec([None, SIDE * SIDE], tf.float32, name=PIXELS)])
    def classify(self, pixels):
        return {"probabilities": self._model({PIXELS: pixels})}
