"""From the columns of data/payments.csv to the inputs of the model."""

import tensorflow as tf
import tensorflow_transform as tft

LABEL = "fraud"
NUMBERS = ["amount", "card_age_days", "payments_today"]
WORDS = ["country", "shop"]
HOURS = 24
# Words that the data did not have when the vocabulary was made share this many numbers.
OOV_BUCKETS = 1


def preprocessing_fn(inputs):
    """Returns the features of a batch of rows. Serving applies the same graph to each request."""
    outputs = {}
    for name in NUMBERS:
        # A few large values would hide the others.
        value = tf.math.log1p(tf.cast(_filled(inputs[name], 0), tf.float32))
        outputs[name] = tft.scale_to_z_score(value)
    for name in WORDS:
        outputs[name] = tft.compute_and_apply_vocabulary(
            _filled(inputs[name], ""), num_oov_buckets=OOV_BUCKETS, vocab_filename=name
        )
    outputs["hour"] = _filled(inputs["hour"], 0)
    outputs[LABEL] = _filled(inputs[LABEL], 0)
    return outputs


def _filled(feature, default):
    """Returns a feature of shape (batch,), with `default` where a row has no value."""
    shaped = tf.SparseTensor(feature.indices, feature.values, [feature.dense_shape[0], 1])
    return tf.squeeze(tf.sparse.to_dense(shaped, tf.cast(default, feature.dtype)), axis=1)
