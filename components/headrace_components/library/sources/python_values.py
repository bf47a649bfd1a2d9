"""Turns rows of Python values, from drivers and decoders, into Arrow columns."""

import decimal
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from headrace_components.contract.errors import InputError

# Arrow does not accept these unchanged: a UUID, and a decimal that is not a number.
_REPLACEMENTS: dict[type, Callable[[Any], Any]] = {uuid.UUID: str, decimal.Decimal: float}


def arrow_batch(
    names: Sequence[str], columns: Sequence[Sequence[Any]], place: str, advice: str
) -> pa.RecordBatch:
    """Returns rows as Arrow columns.

    Args:
        names: Names of the columns.
        columns: Their values; None is a missing value.
        place: Where the rows come from, for error messages.
        advice: How the author can fix a column that has no type.

    Raises:
        InputError: The values of a column have no common type.
    """

    def array(name: str, values: Sequence[Any]) -> pa.Array:
        try:
            return pa.array(values)
        except (pa.ArrowException, OverflowError) as error:
            types = {type(value) for value in values if value is not None}
            replace = _REPLACEMENTS.get(next(iter(types))) if len(types) == 1 else None
            if replace:
                return pa.array([None if value is None else replace(value) for value in values])
            found = sorted(kind.__name__ for kind in types)
            raise InputError(
                f"column {name!r} of {place} holds values of the Python types "
                f"{found}, which have no place in one feature ({error}). {advice}"
            ) from error

    arrays = [array(name, values) for name, values in zip(names, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, list(names))
