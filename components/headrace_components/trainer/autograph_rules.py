"""Exempts libraries from AutoGraph while a user's code builds and saves a model."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

# AutoGraph rewrites every function that a traced function calls, so that Python's `if` and `while`
# work on tensors. `keras` does not need this, and TensorFlow exempts it. `tf_keras`, the same code
# under the name that it has since Keras 3, is exempt only since 2.21, and tensorflow_transform
# never. Rewriting the two took 10 of the 12 seconds that saving a small model with a
# TransformFeaturesLayer takes.
_LIBRARIES = ("tf_keras", "tensorflow_transform")

# The modules of tf_keras that call the user's functions directly: `train_step` of a subclassed
# Model, the function of a Lambda, an activation. A function is only rewritten if its caller is, so
# these modules are still rewritten, but not the other functions that they call.
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

    AutoGraph's rules have no public interface. If a version of TensorFlow has them in another
    place, it only takes longer.
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
