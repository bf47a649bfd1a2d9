"""Turns the columns of tables into features, by the rules of TFX's `dict_to_example`.

Whole numbers and truth values become int64, numbers float32, text and bytes bytes; a list keeps
its values, a missing value and an empty list become a feature without values. TFX also drops 0,
False and the empty text, which are values here. TFX refuses dates and times; here they become ISO
8601 text; with a time zone, in UTC with a Z.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_components.contract.errors import InputError

_INT, _FLOAT, _BYTES = pa.int64(), pa.float32(), pa.large_binary()

_NAMES = {_INT: "whole numbers", _FLOAT: "numbers", _BYTES: "text"}


class FeatureColumns:
    """Turns batches of rows into list columns; a column has one type in all of them.

    Args:
        advice: How its author can fix a column that does not fit into a tf.Example.
    """

    def __init__(self, advice: str) -> None:
        self._advice = advice
        self._types: dict[str, tuple[pa.DataType, str]] = {}

    def of(self, batch: pa.RecordBatch, place: str) -> pa.RecordBatch:
        """Returns rows as list columns, sorted by name.

        Args:
            batch: Columns of plain values, or of lists of them.
            place: Where the rows come from, for error messages.

        Raises:
            InputError: A column has a type that tf.Examples do not have, or another type than
                before; two columns have the same name; a list contains a missing value.
        """
        names = batch.schema.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                f"{place} has the columns {twice} twice, expected each name once. {self._advice}"
            )
        ordered = sorted(names)
        columns = [self._column(name, batch.column(names.index(name)), place) for name in ordered]
        return pa.RecordBatch.from_arrays(columns, ordered)

    def check_types_of(self, later: "FeatureColumns") -> None:
        """Checks the types that a column had in other batches.

        Raises:
            InputError: A column has another type there.
        """
        for name, (found, place) in later._types.items():
            self._check_type(name, found, place)

    def _column(self, name: str, column: pa.Array, place: str) -> pa.Array:
        if _is_list(column.type):
            lengths = np.asarray(pc.list_value_length(column).fill_null(0), np.int64)
            values = column.drop_null().flatten()  # a null list of fixed size still has values
        else:
            lengths = np.asarray(column.is_valid()).astype(np.int64)
            values = column.drop_null()
        if not len(values):
            return pa.nulls(len(column))
        if values.null_count:
            raise InputError(
                f"column {name!r} of {place} has a list with a missing value in "
                f"it, expected values only. {self._advice}"
            )
        features = self._values(name, values, place)
        self._check_type(name, features.type, place)
        ends = np.cumsum(lengths)
        is_missing = np.append(lengths == 0, False)  # the end of the last list
        offsets = pa.array(np.append(0, ends), mask=is_missing)
        return pa.LargeListArray.from_arrays(offsets, features)

    def _values(self, name: str, values: pa.Array, place: str) -> pa.Array:
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        convert = _conversion(values.type)
        if convert is None:
            raise InputError(
                f"column {name!r} of {place} is of type {values.type}, expected "
                "numbers, truth values, text, bytes, dates or times, or lists of them. "
                f"{self._advice}"
            )
        try:
            return convert(values)
        except pa.ArrowInvalid as error:
            raise InputError(
                f"column {name!r} of {place} does not fit into {_INT} ({error}). {self._advice}"
            ) from error

    def _check_type(self, name: str, found: pa.DataType, place: str) -> None:
        expected, first_place = self._types.setdefault(name, (found, place))
        if found != expected:
            raise InputError(
                f"column {name!r} of {place} holds {_NAMES[found]}, before (in "
                f"{first_place}) it held {_NAMES[expected]}; a feature has one type. {self._advice}"
            )


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _conversion(value_type: pa.DataType) -> Callable[[pa.Array], pa.Array] | None:
    for matches, convert in _CONVERSIONS:
        if matches(value_type):
            return convert
    return None


def _as_integers(values: pa.Array) -> pa.Array:
    return values.cast(_INT)


def _as_floats(values: pa.Array) -> pa.Array:
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    with np.errstate(over="ignore"):  # beyond float32 is infinity, as in a FloatList
        return pa.array(np.asarray(values).astype(np.float32))


def _as_bytes(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return values.cast(pa.large_string()).cast(_BYTES)
    return values.cast(pa.binary()).cast(_BYTES)


def _as_text(values: pa.Array) -> pa.Array:
    zone = ""
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        # Arrow stores the values in UTC for every zone, so no time zone data is needed.
        values, zone = values.view(pa.timestamp(values.type.unit)), "Z"
    text = values.cast(pa.string())
    if pa.types.is_timestamp(values.type):
        text = pc.replace_substring(text, " ", "T")
    return _as_bytes(pc.binary_join_element_wise(text, zone, ""))


def _is_bytes(kind: pa.DataType) -> bool:
    is_plain = kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    return is_plain or bool(pa.types.is_fixed_size_binary(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_date_or_time(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_date(kind) or types.is_time(kind) or types.is_timestamp(kind))


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (pa.types.is_integer, _as_integers),
    (pa.types.is_boolean, _as_integers),
    (_is_number, _as_floats),
    (_is_bytes, _as_bytes),
    (_is_date_or_time, _as_text),
)
