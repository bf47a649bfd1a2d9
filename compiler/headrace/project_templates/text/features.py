"""From the columns of data/reviews.csv to the inputs of the model."""

import tensorflow as tf
import tensorflow_transform as tft

LABEL = "positive"
WORDS = "words"
# The first words of a review; a shorter one is filled with empty words.
NUM_WORDS = 24
# Only the most frequent words get a number of their own. The others share one.
VOCABULARY_SIZE = 1000
OOV_BUCKETS = 1


def preprocessing_fn(inputs):
    """Returns the features of a batch of rows. Serving applies the same graph to each request."""
    text = tf.strings.lower(inputs["text"][:, 0], encoding="utf-8")
    text = tf.strings.regex_replace(text, r"[^\pL\pN']+", " ")
    words = tf.strings.split(text).to_tensor("", shape=[None, NUM_WORDS])
    numbers = tft.compute_and_apply_vocabulary(
        words, top_k=VOCABULARY_SIZE, num_oov_buckets=OOV_BUCKETS, vocab_filename=WORDS
    )
    return {WORDS: numbers, LABEL: inputs[LABEL]}
