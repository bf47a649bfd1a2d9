"""Writes digits.tfrecord.gz: 1,797 handwritten digits as PNG images of 8 by 8 pixels.

Source: scikit-learn's copy of the test set of "Optical Recognition of Handwritten Digits" (UCI
Machine Learning Repository, CC BY 4.0), from Alpaydin and Kaynak, 1998.
"""

import sys
from pathlib import Path

import tensorflow as tf
from sklearn.datasets import load_digits

DARKEST = 16  # the darkest value in the source; it becomes 255 in the PNG


def main() -> None:
    default = Path(__file__).parent / "data/digits.tfrecord.gz"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    target.parent.mkdir(parents=True, exist_ok=True)
    images, labels = load_digits(return_X_y=True)
    with tf.io.TFRecordWriter(str(target), "GZIP") as writer:
        for pixels, label in zip(images, labels, strict=True):
            grey = tf.cast(pixels.reshape(8, 8, 1) * 255 / DARKEST, tf.uint8)
            example = tf.train.Example()
            example.features.feature["image"].bytes_list.value.append(
                tf.io.encode_png(grey).numpy()
            )
            example.features.feature["label"].int64_list.value.append(int(label))
            writer.write(example.SerializeToString())


if __name__ == "__main__":
    main()
