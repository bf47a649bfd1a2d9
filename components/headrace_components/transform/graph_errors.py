"""Tells an author what went wrong while a graph of theirs ran."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pyarrow as pa
import tensorflow as tf

from headrace_components.errors import InputError

_MAX_MESSAGE_CHARS = 400


@contextmanager
def told_to_author(component: str, split: str) -> Iterator[None]:
    """Runs a graph of `preprocessing_fn` on rows of `split`.

    Raises:
        InputError: An operation refused its input, or an output has another shape than was traced.
    """
    try:
        yield
    except (tf.errors.InvalidArgumentError, TypeError, ValueError, pa.ArrowException) as error:
        logging.info("%s: where the graph failed:", component, exc_info=error)
        raise InputError(
            f"{component}: the graph of preprocessing_fn does not run on split {split!r}: "
            f"{_reason(error)}. Correct the operation, or return features whose first dimension is "
            "the rows; the log has the full traceback."
        ) from error


def _reason(error: Exception) -> str:
    """Returns the line that says what happened: TensorFlow puts a traceback before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line, after in pairwise(lines):
        if after.startswith("[[{{node"):
            return line[:_MAX_MESSAGE_CHARS].rstrip(".")
    return lines[0][:_MAX_MESSAGE_CHARS].rstrip(".") if lines else type(error).__name__
