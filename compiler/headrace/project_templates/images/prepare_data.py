"""Writes data/shapes.tfrecord.gz: 900 small grey pictures of circles, squares and triangles.

For pictures of your own, call `write` with the contents of PNG files and the numbers of their
classes, and set `SIDE` and `CLASSES` of features.py.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

NUM_PICTURES = 900
SIDE = 16
CLASSES = ["circle", "square", "triangle"]


def main() -> None:
    default = Path(__file__).parent / "data/shapes.tfrecord.gz"
    dice = np.random.default_rng(7)
    labels = [number % len(CLASSES) for number in range(NUM_PICTURES)]
    write(
        ((_png(CLASSES[label], dice), label) for label in labels),
        Path(sys.argv[1]) if len(sys.argv) > 1 else default,
    )


def write(pictures: Iterable[tuple[bytes, int]], target: Path) -> None:
    """Writes pictures as tf.Examples with the features `image` and `label`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(target), "GZIP") as writer:
        for content, label in pictures:
            example = tf.train.Example()
            example.features.feature["image"].bytes_list.value.append(content)
            example.features.feature["label"].int64_list.value.append(label)
            writer.write(example.SerializeToString(deterministic=True))


def _png(shape: str, dice: np.random.Generator) -> bytes:
    """Draws one shape at a random place, in a random size and shade."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    radius = dice.uniform(3, 6)
    x, y = dice.uniform(radius, SIDE - 1 - radius, 2)
    right, down = columns - x, rows - y
    inside = {
        "circle": np.hypot(right, down) <= radius,
        "square": np.maximum(abs(right), abs(down)) <= radius * 0.85,
        "triangle": (abs(down) <= radius) & (abs(right) <= (down + radius) / 2),
    }[shape]
    shade = dice.integers(120, 256)
    pixels = np.where(inside, shade, dice.integers(0, 60, (SIDE, SIDE)) // 16 * 16)
    content: bytes = tf.io.encode_png(pixels[..., None].astype(np.uint8)).numpy()
    return content


if __name__ == "__main__":
    main()
