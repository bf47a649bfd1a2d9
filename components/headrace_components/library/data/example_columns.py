"""Converts Arrow record batches to the columns that become tensors, without TensorFlow."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from headrace_components.contract.errors import InputError
from headrace_components.library.data.example_rows import Array, Dense, Ragged, Rows

_ARROW_TYPES = {
    "int64": pa.types.is_int64,
    "float32": pa.types.is_float32,
    "string": pa.types.is_large_binary,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """The tensor that a column becomes.

    Attributes:
        column: The column's name in the examples.
        dtype: "int64", "float32" or "string".
        shape: Shape of a row's values in a dense tensor; None gives a sparse tensor of shape
            `(batch_size, longest row of the batch)`.
        default: Values of a row that lacks the feature, `prod(shape)` of them; None if no row may
            lack it.
    """

    column: str
    dtype: str
    shape: tuple[int, ...] | None
    default: tuple[Any, ...] | None = None


def rows_of(batch: pa.RecordBatch, features: Mapping[str, Feature]) -> Rows:
    """Returns the columns that the tensors need, by tensor name.

    Raises:
        InputError: A column is of another type, or a dense feature lacks values.
    """
    columns: dict[str, Dense | Ragged] = {}
    for name, feature in features.items():
        position = batch.schema.get_field_index(feature.column)
        array = pa.nulls(batch.num_rows) if position < 0 else batch.column(position)
        values, vocabulary, lengths, missing = _flat(array, feature)
        if feature.shape is None:
            columns[name] = Ragged.of(values, lengths, vocabulary)
        else:
            _check_lengths(lengths, missing, feature)
            columns[name] = _dense(values, vocabulary, missing, feature)
    return Rows(num_rows=batch.num_rows, columns=columns)


def _flat(array: pa.Array, feature: Feature) -> tuple[Array, Any, Any, Any]:
    """Returns all values, their vocabulary, each row's number of values and whether it has any."""
    is_string = feature.dtype == "string"
    if pa.types.is_null(array.type):
        empty = np.empty(0, np.int64 if is_string else feature.dtype)
        vocabulary = np.empty(0, np.object_) if is_string else None
        return empty, vocabulary, np.zeros(len(array), np.int64), np.ones(len(array), np.bool_)
    kind = array.type.value_type
    if not _ARROW_TYPES[feature.dtype](kind):
        raise InputError(
            f"feature {feature.column!r} holds {kind} in the examples, but the schema "
            f"says {feature.dtype}. Give the schema that these examples were made with."
        )
    missing = array.is_null().to_numpy(zero_copy_only=False)
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    lengths = lengths.astype(np.int64, copy=False)
    values = array.flatten()
    if not is_string:
        return values.to_numpy(zero_copy_only=False), None, lengths, missing
    encoded = values.dictionary_encode()
    vocabulary = encoded.dictionary.to_numpy(zero_copy_only=False)
    positions = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return positions, vocabulary, lengths, missing


def _check_lengths(lengths: Any, missing: Any, feature: Feature) -> None:
    shape = list(feature.shape or ())
    unfit = (lengths != math.prod(shape)) & ~missing
    if unfit.any():
        raise InputError(
            f"feature {feature.column!r} has {lengths[unfit][0]} values in an "
            f"example, but the schema's shape {shape} means {math.prod(shape)}. Give it no shape "
            "in the schema where the number of values varies."
        )
    if missing.any() and feature.default is None:
        raise InputError(
            f"feature {feature.column!r} is missing in an example, but its shape in "
            "the schema makes it required. Remove the shape, or give a default value in its "
            "tensor representation."
        )


def _dense(values: Array, vocabulary: Any, missing: Any, feature: Feature) -> Dense:
    shape = feature.shape or ()
    if not missing.any():
        return Dense(values=values.reshape(-1, *shape), vocabulary=vocabulary)
    default: Any = feature.default
    if vocabulary is not None:
        words = np.array(list(feature.default or ()), np.object_)
        default = len(vocabulary) + np.arange(len(words))
        vocabulary = np.concatenate([vocabulary, words])
    filled = np.empty((len(missing), math.prod(shape)), values.dtype)
    filled[missing] = default
    filled[~missing] = values.reshape(-1, math.prod(shape))
    return Dense(values=filled.reshape(-1, *shape), vocabulary=vocabulary)
