"""What Transform makes of the columns."""

import tensorflow as tf
import tensorflow_transform as tft

from models import features


def _filled(column, default):
    """Returns a column in which each row has a value."""
    if isinstance(column, tf.sparse.SparseTensor):
        shape = [column.dense_shape[0], 1]
        column = tf.sparse.to_dense(
            tf.sparse.SparseTensor(column.indices, column.values, shape), default
        )
    return tf.squeeze(column, axis=1)


def preprocessing_fn(inputs):
    """Returns the transformed columns; Transform calls it."""
    outputs = {}
    for key in features.DENSE_FLOAT_FEATURE_KEYS:
        outputs[features.transformed_name(key)] = tft.scale_to_z_score(_filled(inputs[key], 0.0))
    for key in features.BUCKET_FEATURE_KEYS:
        outputs[features.transformed_name(key)] = tft.bucketize(
            _filled(inputs[key], 0), features.BUCKET_FEATURE_BUCKET_COUNT
        )
    for key in features.VOCAB_FEATURE_KEYS:
        outputs[features.transformed_name(key)] = tft.compute_and_apply_vocabulary(
            _filled(inputs[key], ""),
            top_k=features.VOCAB_SIZE,
            num_oov_buckets=features.OOV_SIZE,
        )
    label = features.LABEL_KEY
    outputs[features.transformed_name(label)] = _filled(inputs[label], 0)
    return outputs
