"""The functions that Transform and Trainer call: a module file as for TFX."""

import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx
from tfx_bsl.public import tfxio

LABEL = "tipped"
NUMBERS = ["trip_miles", "fare"]
WORDS = ["company", "payment"]
BATCH_SIZE = 64


def preprocessing_fn(inputs):
    """Returns the features of a batch of rows."""
    outputs = {name: tft.scale_to_z_score(tf.math.log1p(inputs[name])) for name in NUMBERS}
    for name in WORDS:
        outputs[name] = tft.compute_and_apply_vocabulary(
            inputs[name], num_oov_buckets=1, vocab_filename=name
        )
    outputs[LABEL] = inputs[LABEL]
    return outputs


def run_fn(fn_args: tfx.components.FnArgs):
    """Trains for `fn_args.train_steps` batches, and saves a model that serves tf.Examples."""
    transform = tft.TFTransformOutput(fn_args.transform_output)
    rows = fn_args.data_accessor.tf_dataset_factory(
        fn_args.train_files,
        tfxio.TensorFlowDatasetOptions(batch_size=BATCH_SIZE, label_key=LABEL, shuffle_seed=7),
        transform.transformed_metadata.schema,
    )
    model = _model(transform)
    model.fit(rows, steps_per_epoch=fn_args.train_steps, verbose=2)
    model.tft_layer = transform.transform_features_layer()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples):
        spec = transform.raw_feature_spec()
        del spec[LABEL]
        features = model.tft_layer(tf.io.parse_example(examples, spec))
        return {"probability": model({name: features[name] for name in [*NUMBERS, *WORDS]})}

    model.save(fn_args.serving_model_dir, signatures={"serving_default": serve})


def _model(transform):
    tf.keras.utils.set_random_seed(7)
    inputs = {name: tf.keras.layers.Input((1,), name=name) for name in NUMBERS}
    encoded = list(inputs.values())
    for name in WORDS:
        inputs[name] = tf.keras.layers.Input((1,), name=name, dtype=tf.int64)
        size = transform.vocabulary_size_by_name(name) + 1
        embedded = tf.keras.layers.Embedding(size, 4)(inputs[name])
        encoded.append(tf.keras.layers.Flatten()(embedded))
    hidden = tf.keras.layers.Dense(16, activation="relu")(tf.keras.layers.concatenate(encoded))
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model
