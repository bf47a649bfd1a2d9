"""Merges, prunes, orders and writes vocabularies, with the same bytes as TensorFlow Transform.

Between these operations a vocabulary is a list: of (token, count) before the merge, of (count,
token) after it. A count is a number of occurrences or a sum of weights.
"""

import hashlib
import heapq
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_transform import analyzers

from headrace_components.contract.errors import PlatformError

VocabularyValues = Sequence[Any]
Counts = list[tuple[Any, Any]]

# FREQUENCY and WEIGHTED_FREQUENCY of `tensorflow_transform.analyzers`, which keeps them private.
_COUNTED = (1, 2)


def is_counted(operation: Any) -> bool:
    """Returns whether the vocabulary is ordered by how often, or how heavily, its tokens occur.

    TFT's other orders are by mutual information and by labels.
    """
    return operation.vocab_ordering_type in _COUNTED


def merge(_: Any, values: VocabularyValues) -> tuple[Any, ...]:
    """VocabularyMerge: adds up the counts of several data sets."""
    totals: dict[Any, Any] = {}
    for token, number in values[0]:
        totals[token] = totals[token] + number if token in totals else number
    return ([(number, token) for token, number in totals.items()],)


def count(_: Any, values: VocabularyValues) -> tuple[Any, ...]:
    """VocabularyCount: the number of tokens, at least one because no vocabulary file is empty."""
    return ([np.int64(max(len(values[0]), 1))],)


def prune(operation: Any, values: VocabularyValues) -> tuple[Any, ...]:
    """VocabularyPrune: drops rare tokens, then keeps the `top_k` most frequent.

    With a `key_fn` the most frequent tokens of each key are also kept.
    """
    kept = _kept(
        values[0], operation.frequency_threshold, operation.top_k, operation.input_dtype, None
    )
    if operation.key_fn:
        per_key = _kept(
            values[0],
            operation.coverage_frequency_threshold,
            operation.coverage_top_k,
            operation.input_dtype,
            operation.key_fn,
        )
        kept = list(dict.fromkeys([*kept, *per_key]))
    return (kept,)


def _kept(
    counts: Counts,
    threshold: float | None,
    top_k: int | None,
    dtype: str,
    key_fn: Callable[[Any], Any] | None,
) -> Counts:
    if threshold:
        counts = [pair for pair in counts if pair[0] >= threshold]
    if dtype != tf.string.name:
        counts = [(number, str(token).encode()) for number, token in counts]
    if top_k is None:
        return counts
    if key_fn is None:
        # Equal counts are ordered by token, larger bytes first.
        return _never_empty(heapq.nlargest(top_k, counts), dtype)
    by_key: dict[Any, Counts] = {}
    for pair in counts:
        by_key.setdefault(key_fn(pair[1]), []).append(pair)
    return [pair for pairs in by_key.values() for pair in heapq.nlargest(top_k, pairs)]


def _never_empty(counts: Counts, dtype: str) -> Counts:
    # A lookup table refuses an empty file; TFT writes a token that no data contains.
    return counts or [analyzers.get_empy_vocabulary_dummy_value(dtype)]


def write(operation: Any, values: VocabularyValues, directory: str) -> Any:
    """VocabularyOrderAndWrite: writes the file and returns its path as an array of shape ()."""
    lines = _lines(operation, values)
    path = Path(directory) / operation.vocab_filename
    if operation.file_format == "text":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(line + b"\n" for line in lines))
    elif operation.file_format == "tfrecord_gzip":
        path = path.with_name(path.name + ".tfrecord.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for line in lines:
                writer.write(line)
    else:
        raise PlatformError(
            f"vocabulary {operation.vocab_filename!r} has the file format "
            f"{operation.file_format!r}, expected 'text' or 'tfrecord_gzip'. This version of "
            "TensorFlow Transform is newer than Headrace: use the one in the image's lock."
        )
    return np.array(str(path))


def _lines(operation: Any, values: VocabularyValues) -> list[bytes]:
    counts = list(values[0])
    reserved = list(values[1][0][0]) if len(values) > 1 else []
    if reserved or not operation.input_is_sorted:
        taken = set(reserved)
        counts = [pair for pair in counts if pair[1] not in taken]
        if operation.fingerprint_shuffle:
            counts.sort(key=lambda pair: hashlib.sha1(pair[1]).digest())
        else:
            counts.sort(reverse=True)
        counts = [(-1, token) for token in reserved] + counts
        counts = _never_empty(counts, operation.input_dtype)
    if not operation.store_frequency:
        return [_as_bytes(token) for _, token in counts]
    return [f"{number} ".encode() + _as_bytes(token) for number, token in counts]


def _as_bytes(token: Any) -> bytes:
    return token if isinstance(token, bytes) else str(token).encode()
