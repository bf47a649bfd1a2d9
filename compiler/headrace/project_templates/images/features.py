"""From PNG files to the inputs of the model."""

import tensorflow as tf

LABEL = "label"
PIXELS = "pixels"
SIDE = 16
CLASSES = ["circle", "square", "triangle"]


def preprocessing_fn(inputs):
    """Returns the features of a batch of rows. Serving applies the same graph to each request."""
    pixels = tf.map_fn(_decoded, inputs["image"][:, 0], fn_output_signature=tf.float32)
    return {PIXELS: pixels, LABEL: inputs[LABEL]}


def _decoded(content):
    grey = tf.image.convert_image_dtype(tf.io.decode_png(content, channels=1), tf.float32)
    return tf.reshape(grey, [SIDE * SIDE])
