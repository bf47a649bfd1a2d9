"""Sets Keras' mixed precision and XLA for a user's function."""

import contextlib
import importlib
import importlib.util
from collections.abc import Iterator

import tensorflow as tf

# Keras 3 and Keras 2 have separate policies; a module file may use either.
_KERAS = ("keras", "tf_keras")


@contextlib.contextmanager
def computing(mixed_precision: str, xla: bool) -> Iterator[None]:
    """Sets how Keras and TensorFlow compile models, and restores the settings afterwards.

    Args:
        mixed_precision: Keras' global policy, "mixed_bfloat16" or "mixed_float16"; an empty string
            changes nothing.
        xla: Whether TensorFlow groups operations of graphs for XLA.
    """
    with contextlib.ExitStack() as stack:
        if mixed_precision:
            for name in _KERAS:
                if importlib.util.find_spec(name) is not None:
                    stack.enter_context(_policy(name, mixed_precision))
        if xla:
            before = tf.config.optimizer.get_jit()
            stack.callback(tf.config.optimizer.set_jit, before or False)
            tf.config.optimizer.set_jit("autoclustering")
        yield


@contextlib.contextmanager
def _policy(library: str, name: str) -> Iterator[None]:
    mixed_precision = importlib.import_module(f"{library}.mixed_precision")
    before = mixed_precision.global_policy()
    mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        mixed_precision.set_global_policy(before)
