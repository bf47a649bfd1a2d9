"""Explains the errors of authors' graphs."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import pyarrow as pa
import tensorflow as tf

from headrace_components.contract.errors import InputError

_MAX_MESSAGE_CHARS = 400

# The part of TFT's message before the batch.
_QUOTED_BY_TFT = re.compile(
    r'trying to apply the transformation: "(.*?)"\.\s+Batch instances', re.DOTALL
)

# TFT's message about a dense feature when all analyzers have their values.
_UNKNOWN_SHAPE = re.compile(r"Feature (\S+) \(.*?\) had invalid shape (.*?) for FixedLenFeature")

# NumPy's message when TFT combines the quantiles of several columns, and one column has none.
_NO_QUANTILES = re.compile(r"cannot reshape array of size \d+ into shape|inhomogeneous shape")


def check_shape(name: str, shape: Sequence[int | None]) -> None:
    """Checks that all dimensions of a dense feature, except the rows, are known.

    Raises:
        InputError: A dimension is not known.
    """
    if None in shape[1:]:
        raise _unknown_shape(name, tuple(shape))


@contextmanager
def shapes_explained() -> Iterator[None]:
    """Explains errors while TensorFlow Transform infers the schema of a finished graph.

    Raises:
        InputError: A dense feature still has an unknown dimension.
    """
    try:
        yield
    except ValueError as error:
        raise _shape_error(str(error)) or error from error


def _shape_error(message: str) -> InputError | None:
    found = _UNKNOWN_SHAPE.search(message)
    return _unknown_shape(found[1], found[2]) if found else None


def _unknown_shape(name: str, shape: object) -> InputError:
    return InputError(
        f"preprocessing_fn returned feature {name!r} of shape {shape}, in which only "
        "the first dimension, the rows, may be unknown. Fix the others with tf.ensure_shape or "
        "tf.reshape, or return a tf.RaggedTensor or tf.SparseTensor."
    )


@contextmanager
def graph_errors_explained(component: str, split: str) -> Iterator[None]:
    """Explains errors while a graph of `preprocessing_fn` runs on rows of `split`.

    Raises:
        InputError: An operation refused its input, or an output has another shape than in the
            trace.
    """
    try:
        yield
    except (tf.errors.InvalidArgumentError, TypeError, ValueError, pa.ArrowException) as error:
        logging.info("%s: where the graph failed:", component, exc_info=error)
        raise _input_error(f"split {split!r}", str(error)) from error


@contextmanager
def tft_errors_explained(component: str, splits: Sequence[str]) -> Iterator[None]:
    """Explains errors while TensorFlow Transform runs a graph on rows of `splits`.

    Raises:
        InputError: Like `graph_errors_explained`, for errors that TFT and Beam's runner wrapped.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        unknown = _shape_error(str(error))
        if unknown is not None:
            raise unknown from error
        if _NO_QUANTILES.search(str(error)):
            raise InputError(
                f"an analyzer of quantiles by column (tft.quantiles with "
                "reduce_instance_dims=False, or tft.bucketize with elementwise=True) found no "
                f"number in one of its columns in {_rows(splits)}: all values there are NaN. Leave "
                "that column out, or replace NaN before, for example by "
                "tf.where(tf.math.is_nan(x), 0.0, x)."
            ) from error
        quoted = _QUOTED_BY_TFT.search(str(error).replace("\\n", "\n"))
        if quoted is None:
            raise
        logging.info("%s: where the graph failed:", component, exc_info=error)
        raise _input_error(_rows(splits), quoted[1]) from error


def _rows(splits: Sequence[str]) -> str:
    return f"split {splits[0]!r}" if len(splits) == 1 else f"splits {list(splits)}"


def _input_error(rows: str, message: str) -> InputError:
    return InputError(
        f"the graph of preprocessing_fn does not run on {rows}: {_reason(message)}. "
        "Correct the operation, or return features whose first dimension is the rows; the log has "
        "the full traceback."
    )


def _reason(message: str) -> str:
    """Returns the line with the cause; TensorFlow puts a traceback before it."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    for line, after in pairwise(lines):
        if after.startswith("[[{{node"):
            return line[:_MAX_MESSAGE_CHARS].rstrip(".")
    return lines[0][:_MAX_MESSAGE_CHARS].rstrip(".") if lines else "no message"
