"""Assigns rows to slices with TFMA's rule, called once per combination of values, not per row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib

SliceKey = tuple[tuple[str, Any], ...]
"""Feature and value pairs, sorted by feature; all rows together are `()`."""

_Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Coded:
    """A feature as one number per row.

    Attributes:
        codes: Shape `(num_rows,)`; a position in `values`, or -1 if the row lacks the feature.
        values: Distinct values, each an array as TFMA's slicer takes it.
    """

    codes: _Rows
    values: Sequence[Any]


def assign(
    specs: Sequence[Any],
    features: pa.Table,
    transformed: Sequence[Mapping[str, Any]],
    num_rows: int,
) -> dict[SliceKey, _Rows]:
    """Returns the rows of each slice, slices in a fixed order.

    Args:
        specs: `tfma.SlicingSpec`s; without any, all rows are the one slice.
        features: Raw features as list columns.
        transformed: Transformed features by name, one mapping per model; they hide raw ones.
        num_rows: Number of rows.
    """
    found: dict[SliceKey, list[_Rows]] = {}
    cache: dict[tuple[int, str], _Coded] = {}
    for spec in specs or [config_pb2.SlicingSpec()]:
        sources = [
            (position, name)
            for name in dict.fromkeys((*spec.feature_keys, *spec.feature_values))
            for position in _sources(name, features, transformed)
        ]
        for source in sources:
            if source not in cache:
                cache[source] = _coded(*source, features, transformed)
        coded = [(source, cache[source]) for source in sources]
        for key, rows in _slices_of(spec, coded, num_rows):
            found.setdefault(key, []).append(rows)
    return {key: _union(found[key]) for key in sorted(found, key=_order)}


def _slices_of(
    spec: Any, coded: Sequence[tuple[tuple[int, str], _Coded]], num_rows: int
) -> Iterator[tuple[SliceKey, _Rows]]:
    rule = [slicer_lib.SingleSliceSpec(spec=spec)]
    if not coded:
        # All rows, or a feature that no row has.
        for key in slicer_lib.get_slices_for_features_dicts([], {}, rule):
            yield key, np.arange(num_rows)
        return
    for rows in _groups([column.codes for _, column in coded]):
        raw: dict[str, Any] = {}
        others: dict[int, dict[str, Any]] = {}
        for (position, name), column in coded:
            code = int(column.codes[rows[0]])
            value = column.values[code] if code >= 0 else np.array([])
            (raw if position < 0 else others.setdefault(position, {}))[name] = value
        for key in slicer_lib.get_slices_for_features_dicts(list(others.values()), raw, rule):
            yield key, rows


def _groups(codes: Sequence[_Rows]) -> Iterator[_Rows]:
    """Yields the rows that agree in all codes."""
    combined = codes[0] + 1
    for more in codes[1:]:
        # Renumbered before each step, so that the product of sizes cannot overflow.
        _, combined = np.unique(combined, return_inverse=True)
        combined = combined * (int(more.max()) + 2) + more + 1
    order = np.argsort(combined, kind="stable")
    starts = np.flatnonzero(np.diff(combined[order])) + 1
    yield from np.split(order, starts)


def _sources(name: str, features: pa.Table, transformed: Sequence[Mapping[str, Any]]) -> list[int]:
    positions = [position for position, by_name in enumerate(transformed) if name in by_name]
    if positions:
        return positions
    return [-1] if name in features.column_names else []


def _coded(
    position: int, name: str, features: pa.Table, transformed: Sequence[Mapping[str, Any]]
) -> _Coded:
    if position >= 0:
        array = np.asarray(transformed[position][name])
        return _of_lists(array.reshape(len(array), -1).tolist(), array.dtype)
    column = features.column(name)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    if lengths.max(initial=0) > 1:
        kind = _numpy_type(column.type.value_type)
        return _of_lists([row or [] for row in column.to_pylist()], kind)
    encoded = pc.list_flatten(column).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    encoded = encoded.dictionary_encode()
    codes = np.full(len(lengths), -1, dtype=np.int64)
    codes[lengths == 1] = encoded.indices.to_numpy()
    kind = _numpy_type(encoded.dictionary.type)
    values = [np.array([value], dtype=kind) for value in encoded.dictionary.to_pylist()]
    return _Coded(codes=codes, values=values)


def _of_lists(lists: Sequence[Sequence[Any]], kind: Any) -> _Coded:
    positions: dict[tuple[Any, ...], int] = {}
    codes = np.fromiter(
        (positions.setdefault(tuple(row), len(positions)) if row else -1 for row in lists),
        dtype=np.int64,
        count=len(lists),
    )
    return _Coded(codes=codes, values=[np.array(row, dtype=kind) for row in positions])


def _numpy_type(kind: pa.DataType) -> Any:
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return kind.to_pandas_dtype()
    return object


def _union(parts: Sequence[_Rows]) -> _Rows:
    if len(parts) == 1:
        return np.sort(parts[0])
    return np.unique(np.concatenate(parts))


def _order(key: SliceKey) -> tuple[int, list[tuple[str, str, float, str]]]:
    # Values of one feature are of one type, but the same feature may appear with several.
    return len(key), [
        (name, type(value).__name__, value if isinstance(value, (int, float)) else 0.0, str(value))
        for name, value in key
    ]
