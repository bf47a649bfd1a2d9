"""The features of all rows of a split, as numbers that are equal if the values are equal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace_components.contract.errors import InputError

ROWS_PER_BATCH = 65_536


@dataclass(kw_only=True, slots=True)
class Kinds:
    """Describes the features of a split without its rows.

    Attributes:
        split: Name of the split.
        num_rows: Number of rows.
        types: By feature, the type of its values; None until a row shows it.
        filled: Features with a value in some row.
    """

    split: str
    num_rows: int = 0
    types: dict[str, pa.DataType | None] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)

    def of(self, name: str) -> pa.DataType | None:
        """Returns the type of a feature's values; None if no row has one."""
        return self.types[name] if name in self.filled else None

    def add_rows(self, batch: pa.RecordBatch) -> None:
        """Adds rows.

        Raises:
            InputError: A feature has another type in rows added before.
        """
        self.num_rows += batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            is_known = not pa.types.is_null(column.type)
            self._add_type(name, column.type.value_type if is_known else None)
            if is_known and len(column.flatten()):
                self.filled.add(name)

    def add(self, other: "Kinds") -> None:
        """Adds the description of other rows of the split.

        Raises:
            InputError: A feature has another type in them.
        """
        self.num_rows += other.num_rows
        self.filled |= other.filled
        for name, kind in other.types.items():
            self._add_type(name, kind)

    def _add_type(self, name: str, kind: pa.DataType | None) -> None:
        seen = self.types.setdefault(name, kind)
        if seen is None:
            self.types[name] = kind
        elif kind is not None and kind != seen:
            first, second = sorted((str(kind), str(seen)))
            raise InputError(
                f"feature {name!r} of split {self.split!r} holds {first} in some rows "
                f"and {second} in others. Give it one type where the examples are made."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedFeature:
    """One feature of all rows of a split.

    Attributes:
        lengths: The number of values per row, shape `(num_rows,)`. 0 means a feature without a
            value or a missing feature; list columns do not distinguish them.
        starts: Where they begin in `values`, shape `(num_rows,)`.
        values: All values one after the other, or None if no row has the feature.
    """

    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]
    values: pa.Array | None

    @property
    def kind(self) -> pa.DataType | None:
        """The type of the values; None if no row has one."""
        return None if self.values is None or not self.lengths.any() else self.values.type


@dataclass(frozen=True, kw_only=True, slots=True)
class Codes:
    """A feature of two splits, with a number for each value that is the same for the same value.

    Attributes:
        base: The feature in the baseline.
        test: The feature in the rows under test.
        base_codes: Codes of `base.values`.
        test_codes: Codes of `test.values`.
        is_comparable: Whether both have values, of one type; otherwise no two codes are alike.
    """

    base: ComparedFeature
    test: ComparedFeature
    base_codes: NDArray[np.int64]
    test_codes: NDArray[np.int64]
    is_comparable: bool


def read(batches: Iterable[pa.RecordBatch], kinds: Kinds) -> dict[str, ComparedFeature]:
    """Returns the features of rows by name, and adds their types to `kinds`.

    Raises:
        InputError: A feature changes its type within the rows.
    """
    columns: dict[str, list[pa.Array]] = {}
    num_rows = 0
    for batch in batches:
        kinds.add_rows(batch)
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            parts = columns.setdefault(name, [pa.nulls(num_rows)] if num_rows else [])
            parts.append(column)
        num_rows += batch.num_rows
        for parts in columns.values():
            missing = num_rows - sum(map(len, parts))
            if missing:
                parts.append(pa.nulls(missing))
    return {name: _feature(parts) for name, parts in columns.items()}


def absent(num_rows: int) -> ComparedFeature:
    """Returns a feature for `num_rows` rows without values."""
    zeros = np.zeros(num_rows, np.int64)
    return ComparedFeature(lengths=zeros, starts=zeros, values=None)


def _feature(parts: list[pa.Array]) -> ComparedFeature:
    kinds = [part.type for part in parts if not pa.types.is_null(part.type)]
    if not kinds:
        return absent(sum(map(len, parts)))
    typed = [
        pa.nulls(len(part), kinds[0]) if pa.types.is_null(part.type) else part for part in parts
    ]
    column = pa.concat_arrays(typed)
    offsets = np.asarray(column.offsets)
    return ComparedFeature(
        lengths=np.where(np.asarray(column.is_valid()), np.diff(offsets), 0),
        starts=offsets[:-1],
        values=column.values,
    )


def encode(base: ComparedFeature, test: ComparedFeature, float_round_ndigits: int | None) -> Codes:
    """Returns codes that are equal for two values if TFDV treats the values as equal.

    Values are equal if their serialized forms are: floats bit by bit, so that a NaN equals itself
    and 0.0 does not equal -0.0. Floats are rounded first if this is asked for.
    """
    kind = test.kind if base.kind is None else base.kind
    is_comparable = base.kind is not None and base.kind == test.kind
    base_values = _values(base, kind)
    test_values = _values(test, kind if is_comparable else test.kind)
    if kind is not None and is_comparable and pa.types.is_large_binary(kind):
        encoded = pa.concat_arrays([base_values, test_values]).dictionary_encode()
        both = np.asarray(encoded.indices).astype(np.int64)
        base_codes, test_codes = np.split(both, [len(base_values)])
    else:
        base_codes = codes(base_values, float_round_ndigits)
        test_codes = codes(test_values, float_round_ndigits)
    return Codes(
        base=base,
        test=test,
        base_codes=base_codes,
        test_codes=test_codes,
        is_comparable=is_comparable,
    )


def _values(feature: ComparedFeature, kind: pa.DataType | None) -> pa.Array:
    return pa.nulls(0, kind) if feature.kind is None else feature.values


def codes(values: pa.Array, float_round_ndigits: int | None) -> NDArray[np.int64]:
    """Returns numbers that are equal if values are; for strings, only among these values."""
    if pa.types.is_floating(values.type):
        return _float_codes(np.asarray(values), float_round_ndigits)
    if pa.types.is_integer(values.type):
        return np.asarray(values)
    return np.asarray(values.dictionary_encode().indices).astype(np.int64)


def _float_codes(values: NDArray[np.float32], ndigits: int | None) -> NDArray[np.int64]:
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    if ndigits is None:
        return bits.astype(np.int64)
    distinct, where = np.unique(bits, return_inverse=True)
    # Python's rounding is exact; numpy's may be off by one in the last digit.
    rounded = [round(value, ndigits) for value in distinct.view(np.float32).tolist()]
    return np.array(rounded, np.float32).view(np.int32).astype(np.int64)[where]


def row_codes(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns a number for each row of the baseline and of the test, equal if all values are equal.

    The number of a row without a value has no meaning.
    """
    sides = ((codes.base, codes.base_codes), (codes.test, codes.test_codes))
    if max(side.lengths.max(initial=0) for side, _ in sides) <= 1:
        base, test = (_first(side, values) for side, values in sides)
        return base, test
    seen: dict[bytes, int] = {}
    base, test = (
        np.array(
            [
                seen.setdefault(values[start : start + length].tobytes(), len(seen))
                for start, length in zip(side.starts, side.lengths, strict=True)
            ],
            np.int64,
        )
        for side, values in sides
    )
    return base, test


def _first(side: ComparedFeature, values: NDArray[np.int64]) -> NDArray[np.int64]:
    found = np.zeros(len(side.lengths), np.int64)
    rows = np.flatnonzero(side.lengths)
    found[rows] = values[side.starts[rows]]
    return found


def of(features: Mapping[str, ComparedFeature], name: str, num_rows: int) -> ComparedFeature:
    """Returns a feature by name, even if no row has it."""
    return features[name] if name in features else absent(num_rows)
