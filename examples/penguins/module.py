"""The functions that Headrace calls: they make features of penguins, and train the model."""

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

LABEL = "species"
NUMERIC = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
NUM_SPECIES = 3
BATCH_SIZE = 20


def preprocessing_fn(inputs):
    """Turns raw features into inputs of the model; serving applies the same graph."""
    outputs = {}
    for name in NUMERIC:
        outputs[name] = _filled(tft.scale_to_z_score(tf.cast(inputs[name], tf.float32)))
    outputs[LABEL] = _filled(inputs[LABEL])
    return outputs


def run_fn(fn_args):
    """Trains for `fn_args.train_steps` batches and saves a model that serves tf.Examples."""
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    inputs = {name: keras.Input((1,), name=name) for name in NUMERIC}
    hidden = keras.layers.Concatenate()(list(inputs.values()))
    hidden = keras.layers.Dense(8, activation="relu")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(NUM_SPECIES, activation="softmax")(hidden))
    model.compile(
        optimizer=keras.optimizers.Adam(1e-2),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    options = tfxio.TensorFlowDatasetOptions(batch_size=BATCH_SIZE, label_key=LABEL, shuffle_seed=7)
    schema = transform.transformed_metadata.schema
    dataset = fn_args.data_accessor.tf_dataset_factory(fn_args.train_files, options, schema)
    log = keras.callbacks.TensorBoard(fn_args.model_run_dir)
    steps = fn_args.train_steps or 200
    model.fit(dataset, steps_per_epoch=steps, callbacks=[log], verbose=2)
    server = _Server(model, transform)
    signature = server.serve.get_concrete_function()
    tf.saved_model.save(server, fn_args.serving_model_dir, {"serving_default": signature})


def _filled(feature):
    """Returns a feature of shape (batch,), with 0 where a penguin was not measured."""
    shaped = tf.SparseTensor(feature.indices, feature.values, [feature.dense_shape[0], 1])
    return tf.squeeze(tf.sparse.to_dense(shaped), axis=1)


class _Server(tf.Module):
    """The model after the transform graph: takes serialized tf.Examples, returns probabilities."""

    def __init__(self, model, transform):
        super().__init__()
        self._model = model
        self._transform_layer = transform.transform_features_layer()
        self._raw_spec = transform.raw_feature_spec()
        del self._raw_spec[LABEL]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        features = self._transform_layer(tf.io.parse_example(examples, self._raw_spec))
        inputs = {name: tf.reshape(features[name], [-1, 1]) for name in NUMERIC}
        return {"probabilities": self._model(inputs)}
