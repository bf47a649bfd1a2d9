"""The functions that Headrace calls: they make features of flights, and train the model."""

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

LABEL = "late"
NUMERIC = ["distance", "temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
BUCKETS = {"sched_dep_minute": 24, "wind_dir": 8}
VOCABULARIES = {"carrier": 20, "origin": 3, "dest": 110, "weekday": 7, "tailnum": 4000}
OOV_BUCKETS = 1
MONTHS = 12
BATCH_SIZE = 512


def preprocessing_fn(inputs):
    """Turns raw features into inputs of the model; serving applies the same graph."""
    outputs = {}
    for name in NUMERIC:
        outputs[name] = _filled(tft.scale_to_z_score(inputs[name]), 0.0)
    # Gusts are only reported when there are any, which is news in itself.
    outputs["is_gusty"] = tf.cast(_filled(inputs["wind_gust"], 0.0) > 0.0, tf.float32)
    for name, num_buckets in BUCKETS.items():
        outputs[name] = _filled(tft.bucketize(inputs[name], num_buckets), 0)
    for name, size in VOCABULARIES.items():
        outputs[name] = tft.compute_and_apply_vocabulary(
            _filled(inputs[name], ""), top_k=size, num_oov_buckets=OOV_BUCKETS, vocab_filename=name
        )
    outputs["month"] = _filled(inputs["month"], 1) - 1
    outputs[LABEL] = _filled(inputs[LABEL], 0)
    return outputs


def run_fn(fn_args):
    """Trains for `fn_args.train_steps` batches and saves a model that serves tf.Examples."""
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    model = _model()
    model.fit(
        _dataset(fn_args, fn_args.train_files, transform, num_epochs=None),
        steps_per_epoch=fn_args.train_steps or 1000,
        callbacks=[keras.callbacks.TensorBoard(fn_args.model_run_dir, update_freq=100)],
        verbose=2,
    )
    server = _Server(model, transform)
    signature = server.serve.get_concrete_function()
    tf.saved_model.save(server, fn_args.serving_model_dir, {"serving_default": signature})


def _filled(feature, default):
    """Returns a feature of shape (batch,), with `default` where a row has no value."""
    # Where no row of a batch has a value, its width would be 0 and not 1.
    shaped = tf.SparseTensor(feature.indices, feature.values, [feature.dense_shape[0], 1])
    return tf.squeeze(tf.sparse.to_dense(shaped, tf.cast(default, feature.dtype)), axis=1)


def _dataset(fn_args, files, transform, num_epochs):
    return fn_args.data_accessor.tf_dataset_factory(
        files,
        tfxio.TensorFlowDatasetOptions(
            batch_size=BATCH_SIZE, label_key=LABEL, num_epochs=num_epochs, shuffle_seed=13
        ),
        transform.transformed_metadata.schema,
    )


def _model():
    inputs, encoded = {}, []
    for name in [*NUMERIC, "is_gusty"]:
        inputs[name] = keras.Input((1,), name=name)
        encoded.append(inputs[name])
    sizes = {name: size + OOV_BUCKETS for name, size in VOCABULARIES.items()}
    for name, size in {**sizes, **BUCKETS, "month": MONTHS}.items():
        inputs[name] = keras.Input((1,), name=name, dtype="int64")
        width = min(16, 1 + size // 2)
        encoded.append(keras.layers.Flatten()(keras.layers.Embedding(size, width)(inputs[name])))
    hidden = keras.layers.Concatenate()(encoded)
    for units in (64, 32):
        hidden = keras.layers.Dense(units, activation="relu")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss="binary_crossentropy",
        metrics=[keras.metrics.AUC()],
    )
    return model


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
        raw = tf.io.parse_example(examples, self._raw_spec)
        features = self._transform_layer(raw)
        features.pop(LABEL, None)
        inputs = {name: tf.reshape(value, [-1, 1]) for name, value in features.items()}
        return {"probability": self._model(inputs)}
