"""Encodes Arrow list columns as serialized tf.Examples, a column at a time.

The bytes are those of protobuf's deterministic serialization: features sorted by name. tfx_bsl's
RecordBatchToExamplesEncoder writes them in the order of a hash map, which differs from process to
process, refuses columns of type null, and is slower, since it builds a message for each row.

The messages (`tensorflow/core/example/{example,feature}.proto`), as protobuf writes them:

    Example      0A <size> Features
    Features     0A <size> entry, repeated
    entry        0A <size> name 12 <size> Feature
    Feature      0A <size> BytesList, or 12 <size> FloatList, or 1A <size> Int64List, or nothing
    BytesList    0A <size> value, repeated
    FloatList    0A <size> packed little-endian values, or nothing where there are none
    Int64List    0A <size> packed varints, or nothing where there are none

`<size>` is a varint: the number of bytes that follow.
"""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_FIRST_FIELD = 0x0A  # tag of field 1, wire type 2; fields 2 and 3 follow
_SECOND_FIELD = 0x12
_THIRD_FIELD = 0x1A


def encode_examples(batch: pa.RecordBatch) -> list[bytes]:
    """Returns each row as a deterministically serialized `tf.train.Example`.

    Args:
        batch: Columns of type `list` or `large_list` of int64, float32, (large_)binary or
            (large_)string, or of type `null`. A null row becomes a feature without a kind, an empty
            list a feature of its kind without values.

    Raises:
        TypeError: A column is of another type, or a list holds a null.
    """
    features = [
        _feature(name, batch.column(batch.schema.get_field_index(name)))
        for name in sorted(batch.schema.names)
    ]
    if not features:
        return [b"\n\0"] * batch.num_rows if batch.num_rows else []
    features_sizes = np.sum([feature.sizes for feature in features], axis=0, dtype=np.int64)
    ends = np.cumsum(features_sizes + 1 + _varint_sizes(features_sizes))
    starts = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
    buffer = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    cursor = _put_size(buffer, starts, _FIRST_FIELD, features_sizes)
    for feature in features:
        cursor = feature.put(buffer, cursor)
    return _cut(buffer, starts, ends)


def encode_features(column: pa.Array) -> list[bytes]:
    """Returns each row of a column as a serialized `tf.train.Feature`.

    Args:
        column: As a column of `encode_examples`.

    Raises:
        TypeError: The column is of another type, or a list holds a null.
    """
    return _feature("", column).encode()


class _Feature:
    """One feature of every row: a `null` column, and what typed columns share.

    Attributes:
        sizes: Bytes of each row's entry with its tag and size, shape `(num_rows,)`.
    """

    def __init__(self, name: str, num_rows: int) -> None:
        key = name.encode()
        self._name = bytes([_FIRST_FIELD]) + _varint(len(key)) + key + bytes([_SECOND_FIELD])
        self._set_sizes(np.zeros(num_rows, np.int64))

    def _set_sizes(self, feature_sizes: Ints) -> None:
        self._feature_sizes = feature_sizes
        self._entry_sizes = len(self._name) + _varint_sizes(feature_sizes) + feature_sizes
        self.sizes = 1 + _varint_sizes(self._entry_sizes) + self._entry_sizes

    def put(self, buffer: Bytes, cursor: Ints) -> Ints:
        """Writes the entries at `cursor`, shape `(num_rows,)`, and returns where they end."""
        at = _put_size(buffer, cursor, _FIRST_FIELD, self._entry_sizes)
        at = _put_constant(buffer, at, self._name)
        at = _put_varint(buffer, at, self._feature_sizes)
        self._put_values(buffer, at)
        return cursor + self.sizes

    def encode(self) -> list[bytes]:
        """Returns the feature of each row, without its name."""
        ends = np.cumsum(self._feature_sizes)
        starts = ends - self._feature_sizes
        buffer = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        self._put_values(buffer, starts)
        return _cut(buffer, starts, ends)

    def _put_values(self, buffer: Bytes, at: Ints) -> None:
        """Writes the kind and the values; a feature of type null has neither."""


class _ListFeature(_Feature):
    """A feature with values, `_first[row]` to `_first[row] + _counts[row]` of a flat array."""

    _kind: int
    _is_packed = True

    def __init__(self, name: str, column: pa.Array) -> None:
        super().__init__(name, len(column))
        self._present = _present_rows(column)
        if self._present is not None:
            column = column.take(pa.array(np.arange(len(column))))  # a null row spans no values
        offsets = np.asarray(column.offsets).astype(np.int64)
        self._first = offsets[:-1] - offsets[0]
        self._counts = np.diff(offsets)
        values = column.values.slice(offsets[0], offsets[-1] - offsets[0])
        if values.null_count:
            raise TypeError(f"feature {name!r} has a list that holds a null; drop it or fill it")
        value_sizes = self._read(values)
        self._before = np.concatenate([np.zeros(1, np.int64), np.cumsum(value_sizes)])
        self._payload_sizes: Ints = (
            self._before[self._first + self._counts] - self._before[self._first]
        )
        self._list_sizes = self._sizes_of_lists()
        sizes = 1 + _varint_sizes(self._list_sizes) + self._list_sizes
        self._set_sizes(sizes if self._present is None else np.where(self._present, sizes, 0))

    @abstractmethod
    def _read(self, values: pa.Array) -> Ints:
        """Keeps the flat values and returns the bytes that each takes."""

    @abstractmethod
    def _put_flat(self, buffer: Bytes, at: Ints) -> None:
        """Writes the flat values at `at`, shape `(num_values,)`."""

    def _sizes_of_lists(self) -> Ints:
        """Returns the bytes of each row's list message."""
        if not self._is_packed:
            return self._payload_sizes
        # The values of a row are one field, which is left out where there are none.
        packed: Ints = 1 + _varint_sizes(self._payload_sizes) + self._payload_sizes
        packed[self._counts == 0] = 0
        return packed

    def _put_values(self, buffer: Bytes, at: Ints) -> None:
        rows = None if self._present is None else np.flatnonzero(self._present)
        start = _put_size(
            buffer, at if rows is None else at[rows], self._kind, _taken(self._list_sizes, rows)
        )
        if rows is not None:
            at = at.copy()
            at[rows] = start
        else:
            at = start
        self._put_flat(buffer, self._positions(self._put_packed_sizes(buffer, at)))

    def _put_packed_sizes(self, buffer: Bytes, at: Ints) -> Ints:
        if not self._is_packed:
            return at
        if (self._counts > 0).all():
            return _put_size(buffer, at, _FIRST_FIELD, self._payload_sizes)
        rows = np.flatnonzero(self._counts > 0)
        at = at.copy()
        at[rows] = _put_size(buffer, at[rows], _FIRST_FIELD, self._payload_sizes[rows])
        return at

    def _positions(self, at: Ints) -> Ints:
        """Returns where each flat value goes when each row's values begin at `at`."""
        shift = np.repeat(at - self._before[self._first], self._counts)
        positions: Ints = shift + self._before[:-1]
        return positions


class _Int64Feature(_ListFeature):
    _kind = _THIRD_FIELD

    def _read(self, values: pa.Array) -> Ints:
        self._values = np.asarray(values).astype(np.int64, copy=False)
        return _varint_sizes(self._values)

    def _put_flat(self, buffer: Bytes, at: Ints) -> None:
        _put_varint(buffer, at, self._values)


class _FloatFeature(_ListFeature):
    _kind = _SECOND_FIELD

    def _read(self, values: pa.Array) -> Ints:
        self._values = np.asarray(values).astype("<f4", copy=False)
        return np.full(len(values), 4, np.int64)

    def _put_flat(self, buffer: Bytes, at: Ints) -> None:
        _windows(buffer, 4)[at] = self._values.view("V4")


class _BytesFeature(_ListFeature):
    _kind = _FIRST_FIELD
    _is_packed = False

    def _read(self, values: pa.Array) -> Ints:
        binary = values.cast(pa.large_binary())
        _, offsets, data = binary.buffers()
        bounds = np.frombuffer(offsets, np.int64, len(binary) + 1, 8 * binary.offset)
        self._lengths = np.diff(bounds)
        content = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        self._content = content[bounds[0] : bounds[-1]]
        sizes: Ints = 1 + _varint_sizes(self._lengths) + self._lengths
        return sizes

    def _put_flat(self, buffer: Bytes, at: Ints) -> None:
        at = _put_size(buffer, at, _FIRST_FIELD, self._lengths)
        length = int(self._lengths[0]) if len(self._lengths) else 0
        if (self._lengths == length).all():
            if length:
                _windows(buffer, length)[at] = self._content.view(f"V{length}")
            return
        read_from = np.cumsum(self._lengths) - self._lengths
        shift = np.repeat(at - read_from, self._lengths)
        buffer[shift + np.arange(len(self._content))] = self._content


def _feature(name: str, column: pa.Array) -> _Feature:
    if pa.types.is_null(column.type):
        return _Feature(name, len(column))
    is_list = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    value_type = column.type.value_type if is_list else None
    for matches, kind in _KINDS:
        if value_type is not None and matches(value_type):
            return kind(name, column)
    raise TypeError(
        f"feature {name!r} is of Arrow type {column.type}; a tf.Example holds lists of int64, "
        "float32 or bytes"
    )


def _is_bytes(value_type: pa.DataType) -> bool:
    return value_type in (pa.binary(), pa.large_binary(), pa.string(), pa.large_string())


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], type[_ListFeature]], ...] = (
    (pa.types.is_int64, _Int64Feature),
    (pa.types.is_float32, _FloatFeature),
    (_is_bytes, _BytesFeature),
)


def _cut(buffer: Bytes, starts: Ints, ends: Ints) -> list[bytes]:
    data = buffer.tobytes()
    return [data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _present_rows(column: pa.Array) -> NDArray[np.bool_] | None:
    """Returns which rows are not null, or None where all are."""
    if not column.null_count:
        return None
    return np.asarray(column.is_valid())


def _taken(values: Ints, rows: Ints | None) -> Ints:
    return values if rows is None else values[rows]


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _varint_sizes(values: Ints) -> Ints:
    """Returns the bytes that each value takes; a negative one takes ten."""
    unsigned = values.view(np.uint64)  # a negative value is a big one
    sizes = np.ones(len(values), np.int64)
    biggest = int(unsigned.max()) if len(values) else 0
    for bits in range(7, max(7, biggest.bit_length()), 7):
        sizes += unsigned >= np.uint64(1 << bits)
    return sizes


def _put_constant(buffer: Bytes, at: Ints, data: bytes) -> Ints:
    _windows(buffer, len(data))[at] = np.frombuffer(data, f"V{len(data)}")[0]
    return at + len(data)


def _windows(buffer: Bytes, size: int) -> NDArray[np.void]:
    """Returns a view of `buffer` whose item at any index is the `size` bytes from there on.

    Numpy moves such an item as a whole, some twenty times faster than byte by byte.
    """
    return np.ndarray((max(0, len(buffer) - size + 1),), f"V{size}", buffer, strides=(1,))


def _put_size(buffer: Bytes, at: Ints, tag: int, sizes: Ints) -> Ints:
    buffer[at] = tag
    return _put_varint(buffer, at + 1, sizes)


def _put_varint(buffer: Bytes, at: Ints, values: Ints) -> Ints:
    sizes = _varint_sizes(values)
    unsigned = values.view(np.uint64)
    longest = int(sizes.max()) if len(sizes) else 0
    if longest == 1:
        buffer[at] = unsigned
        return at + 1
    rows: Ints | slice = slice(None)
    for index in range(longest):
        if index:
            rows = np.flatnonzero(sizes > index)
        chunk = (unsigned[rows] >> np.uint64(7 * index)).astype(np.uint8) & 0x7F
        chunk[sizes[rows] > index + 1] |= 0x80  # more follows
        buffer[at[rows] + index] = chunk
    return at + sizes
