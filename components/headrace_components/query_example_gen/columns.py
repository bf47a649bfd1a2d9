"""Turns the Python values that a database driver returns into Arrow columns."""

import decimal
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from headrace_components.errors import InputError

# What Arrow does not take as it is: a UUID, and a decimal that is no number.
_REPLACEMENTS: dict[type, Callable[[Any], Any]] = {uuid.UUID: str, decimal.Decimal: float}


def arrow_batch(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Returns rows as Arrow columns.

    Args:
        names: Names of the columns.
        columns: Their values; None is a missing one.

    Raises:
        InputError: A column holds values that have no type in common.
    """
    arrays = [_array(name, values) for name, values in zip(names, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, list(names))


def _array(name: str, values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError) as error:
        types = {type(value) for value in values if value is not None}
        if len(types) == 1 and (replace := _REPLACEMENTS.get(types.pop())):
            return pa.array([None if value is None else replace(value) for value in values])
        found = sorted({type(value).__name__ for value in values if value is not None})
        raise InputError(
            f"query_example_gen: column {name!r} holds values of the Python types {found}, which "
            f"have no place in one feature ({error}). CAST it in the query, as to text."
        ) from error
