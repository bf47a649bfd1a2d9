"""Spares AutoGraph the source of libraries while a user's code builds and saves a model."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

# AutoGraph rewrites every function that a traced function calls, so that Python's `if` and `while`
# work on tensors. TensorFlow exempts `keras`, whose code is written for graphs, but only since 2.21
# `tf_keras`, the name of the same code since Keras 3, and never tensorflow_transform. Rewriting the
# two took 10 of the 12 seconds that saving a small model with a TransformFeaturesLayer takes.
_LIBRARIES = ("tf_keras", "tensorflow_transform")

# The way through tf_keras to functions of the user's that it calls directly: `train_step` of a
# subclassed Model, the function of a Lambda, an activation. A function is rewritten only where its
# caller is, so these modules still are; what they call besides is not.
_ON_THE_WAY_TO_USER_CODE = (
    "tf_keras.src.engine.base_layer",
    "tf_keras.src.engine.functional",
    "tf_keras.src.engine.sequential",
    "tf_keras.src.engine.training",
    "tf_keras.src.layers",
)


@contextlib.contextmanager
def libraries_unconverted() -> Iterator[None]:
    """Exempts library code from AutoGraph; the user's own functions and layers are converted.

    AutoGraph's rules have no public interface. Where a TensorFlow keeps them elsewhere, nothing
    changes but the time.
    """
    config = _config()
    if config is None:
        yield
        return
    before = config.CONVERSION_RULES
    config.CONVERSION_RULES = (
        *before,
        *map(config.Convert, _ON_THE_WAY_TO_USER_CODE),  # the first rule that applies decides
        *map(config.DoNotConvert, _LIBRARIES),
    )
    try:
        yield
    finally:
        config.CONVERSION_RULES = before


def _config() -> Any:
    try:
        from tensorflow.python.autograph.core import config
    except ImportError:
        logging.debug("trainer: this TensorFlow keeps AutoGraph's rules elsewhere.", exc_info=True)
        return None
    if not all(hasattr(config, name) for name in ("CONVERSION_RULES", "Convert", "DoNotConvert")):
        logging.debug("trainer: AutoGraph's rules of this TensorFlow are of another form.")
        return None
    return config
