"""A model of Keras that tells who will give a tip."""

import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

from models import features
from models.keras_model import constants


def _input_fn(files, data_accessor, graph, batch_size):
    """Returns batches of transformed columns and their labels, again and again."""
    label = features.transformed_name(features.LABEL_KEY)
    return data_accessor.tf_dataset_factory(
        files,
        tfxio.TensorFlowDatasetOptions(batch_size=batch_size, label_key=label),
        graph.transformed_metadata.schema,
    ).repeat()


def _build_keras_model():
    """Returns a model that is ready for training."""
    numbers = {
        name: tf.keras.Input((1,), name=name, dtype=tf.float32)
        for name in features.transformed_names(features.DENSE_FLOAT_FEATURE_KEYS)
    }
    sizes = dict.fromkeys(
        features.transformed_names(features.BUCKET_FEATURE_KEYS),
        features.BUCKET_FEATURE_BUCKET_COUNT,
    ) | dict.fromkeys(
        features.transformed_names(features.VOCAB_FEATURE_KEYS),
        features.VOCAB_SIZE + features.OOV_SIZE,
    )
    classes = {name: tf.keras.Input((1,), name=name, dtype=tf.int64) for name in sizes}
    parts = [
        *numbers.values(),
        *(tf.keras.layers.CategoryEncoding(sizes[name])(each) for name, each in classes.items()),
    ]
    layer = tf.keras.layers.concatenate(parts)
    for units in constants.HIDDEN_UNITS:
        layer = tf.keras.layers.Dense(units, activation="relu")(layer)
    output = tf.keras.layers.Dense(1, activation="sigmoid")(layer)
    model = tf.keras.Model({**numbers, **classes}, output)
    model.compile(
        loss="binary_crossentropy",
        optimizer=tf.keras.optimizers.Adam(constants.LEARNING_RATE),
        metrics=[tf.keras.metrics.BinaryAccuracy()],
    )
    return model


def _serving_fn(model, graph):
    """Returns the signature that takes rows as they are in the data, without the label."""
    model.tft_layer = graph.transform_features_layer()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(serialized_examples):
        columns = graph.raw_feature_spec()
        columns.pop(features.LABEL_KEY)
        rows = tf.io.parse_example(serialized_examples, columns)
        return {"outputs": model(model.tft_layer(rows))}

    return serve


def run_fn(fn_args):
    """Trains the model and saves it; Trainer calls it."""
    graph = tft.TFTransformOutput(fn_args.transform_output)
    train, evaluation = (
        _input_fn(files, fn_args.data_accessor, graph, size)
        for files, size in (
            (fn_args.train_files, constants.TRAIN_BATCH_SIZE),
            (fn_args.eval_files, constants.EVAL_BATCH_SIZE),
        )
    )
    model = _build_keras_model()
    model.fit(
        train,
        steps_per_epoch=fn_args.train_steps,
        validation_data=evaluation,
        validation_steps=fn_args.eval_steps,
        callbacks=[tf.keras.callbacks.TensorBoard(log_dir=fn_args.model_run_dir)],
    )
    model.save(
        fn_args.serving_model_dir,
        save_format="tf",
        signatures={"serving_default": _serving_fn(model, graph)},
    )
