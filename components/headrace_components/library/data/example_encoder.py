"""Encodes Arrow list columns as serialized tf.Examples, one column at a time.

The bytes are those of protobuf's deterministic serialization: features sorted by name. tfx_bsl's
RecordBatchToExamplesEncoder writes them in the order of a hash map, which differs between
processes. It also refuses columns of type null, and is slower, because it builds a message for each
row.

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

# Special numbers of bytes: for a kind without values, and for no kind.
_NO_VALUES = -1
_NO_KIND = -2

_FEW_BYTES = 1 << 16  # up to this number, counting is used instead of sorting
_LONG_BYTES = 64  # from this mean length on, values are copied one by one


def encode_examples(batch: pa.RecordBatch) -> list[bytes]:
    """Returns each row as a deterministically serialized `tf.train.Example`.

    Args:
        batch: Columns of type `list` or `large_list` of int64, float32, (large_)binary or
            (large_)string, or of type `null`. A null row becomes a feature without a kind, an empty
            list a feature of its kind without values.

    Raises:
        TypeError: A column has another type, or a list contains a null.
    """
    features = [
        _feature(name, batch.column(batch.schema.get_field_index(name)))
        for name in sorted(batch.schema.names)
    ]
    if not batch.num_rows:
        return []
    if not features:
        return [b"\n\0"] * batch.num_rows
    features_sizes: Ints = np.add.reduce([feature.sizes for feature in features])
    ends = np.cumsum(features_sizes + 1 + _varint_sizes(features_sizes))
    starts = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
    buffer = np.empty(int(ends[-1]), np.uint8)
    cursor = _put_size(buffer, starts, _FIRST_FIELD, features_sizes)
    for feature in features:
        cursor = feature.put(buffer, cursor)
    return _cut(buffer, starts, ends)


def encode_features(column: pa.Array) -> list[bytes]:
    """Returns each row of a column as a serialized `tf.train.Feature`.

    Args:
        column: Like a column of `encode_examples`.

    Raises:
        TypeError: The column has another type, or a list contains a null.
    """
    return _feature("", column).encode() if len(column) else []


class _Feature:
    """One feature of every row: a `null` column, and the base of typed columns.

    The part before a row's values - tags, sizes, the name - only depends on the number of bytes of
    the values. There are few different numbers, so each such part is made once and copied to all
    its rows.

    Attributes:
        sizes: Bytes of each row's entry with its tag and size, shape `(num_rows,)`.
    """

    _kind = 0
    _is_packed = False

    def __init__(self, name: str, column: pa.Array) -> None:
        self._key = name.encode()
        self._group_rows(np.full(len(column), _NO_KIND))

    def _group_rows(self, payloads: Ints) -> None:
        """Takes the bytes of each row's values, or `_NO_VALUES` or `_NO_KIND`."""
        distinct, self._group_of = _distinct(payloads)
        self._payloads: list[int] = distinct.tolist()
        order = np.argsort(self._group_of, kind="stable")
        counts = np.bincount(self._group_of, minlength=len(distinct))
        self._rows = np.split(order, np.cumsum(counts)[:-1])
        self._heads = [self._entry_head(payload) for payload in self._payloads]
        self.sizes = self._totals(self._heads)

    def put(self, buffer: Bytes, cursor: Ints) -> Ints:
        """Writes the entries at `cursor`, shape `(num_rows,)`, and returns their ends."""
        self._put(buffer, cursor, self._heads)
        return cursor + self.sizes

    def encode(self) -> list[bytes]:
        """Returns the feature of each row, without its name."""
        heads = [self._feature_head(payload) for payload in self._payloads]
        sizes = self._totals(heads)
        ends = np.cumsum(sizes)
        buffer = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        self._put(buffer, ends - sizes, heads)
        return _cut(buffer, ends - sizes, ends)

    def _totals(self, heads: list[bytes]) -> Ints:
        """Returns the number of bytes of each row, given the head of each group."""
        totals = [
            len(head) + max(payload, 0) for payload, head in zip(self._payloads, heads, strict=True)
        ]
        return np.array(totals, np.int64)[self._group_of]

    def _put(self, buffer: Bytes, at: Ints, heads: list[bytes]) -> None:
        for rows, head in zip(self._rows, heads, strict=True):
            if head:
                _windows(buffer, len(head))[at[rows]] = np.frombuffer(head, f"V{len(head)}")[0]
        lengths = np.array([len(head) for head in heads], np.int64)
        self._put_values(buffer, at + lengths[self._group_of])

    def _put_values(self, buffer: Bytes, at: Ints) -> None:
        """Writes the values of each row; a feature of type null has none."""

    def _entry_head(self, payload: int) -> bytes:
        feature = self._feature_head(payload)
        size = _varint(len(feature) + max(payload, 0))
        entry = _field(_FIRST_FIELD, self._key) + bytes([_SECOND_FIELD]) + size + feature
        return bytes([_FIRST_FIELD]) + _varint(len(entry) + max(payload, 0)) + entry

    def _feature_head(self, payload: int) -> bytes:
        if payload == _NO_KIND:
            return b""
        values = b""
        if self._is_packed and payload != _NO_VALUES:
            values = bytes([_FIRST_FIELD]) + _varint(payload)
        return bytes([self._kind]) + _varint(len(values) + max(payload, 0)) + values


class _ListFeature(_Feature):
    """A feature with values, `_first[row]` to `_first[row] + _counts[row]` of a flat array."""

    _is_packed = True  # the values of a row are one field

    def __init__(self, name: str, column: pa.Array) -> None:
        self._key = name.encode()
        is_present = None
        if column.null_count:
            is_present = np.asarray(column.is_valid())
            column = column.take(pa.array(np.arange(len(column))))  # a null row spans no values
        offsets = np.asarray(column.offsets).astype(np.int64)
        values = column.values.slice(offsets[0], offsets[-1] - offsets[0])
        if values.null_count:
            raise TypeError(f"feature {name!r} has a list that holds a null; drop it or fill it")
        self._first = offsets[:-1] - offsets[0]
        self._counts = np.diff(offsets)
        self._before = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._read(values))])
        payloads = self._before[self._first + self._counts] - self._before[self._first]
        payloads[self._counts == 0] = _NO_VALUES
        if is_present is not None:
            payloads[~is_present] = _NO_KIND
        self._group_rows(payloads)

    @abstractmethod
    def _read(self, values: pa.Array) -> Ints:
        """Keeps the flat values and returns the bytes that each takes."""

    @abstractmethod
    def _put_flat(self, buffer: Bytes, at: Ints) -> None:
        """Writes the flat values at `at`, shape `(num_values,)`."""

    def _put_values(self, buffer: Bytes, at: Ints) -> None:
        shift = np.repeat(at - self._before[self._first], self._counts)
        self._put_flat(buffer, shift + self._before[:-1])


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
        if len(self._content) > _LONG_BYTES * len(at):
            for start, source, size in zip(
                at.tolist(), read_from.tolist(), self._lengths.tolist(), strict=True
            ):
                buffer[start : start + size] = self._content[source : source + size]
            return
        # An index takes eight bytes for each byte of content, which is too much for long values.
        shift = np.repeat(at - read_from, self._lengths)
        buffer[shift + np.arange(len(self._content))] = self._content


def _feature(name: str, column: pa.Array) -> _Feature:
    if pa.types.is_null(column.type):
        return _Feature(name, column)
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


def _distinct(payloads: Ints) -> tuple[Ints, NDArray[np.intp]]:
    """Returns the distinct numbers, and for each row the index of its number."""
    if len(payloads) and payloads.max() < _FEW_BYTES:  # counting is far quicker than sorting
        counts = np.bincount(payloads - _NO_KIND)
        distinct = np.flatnonzero(counts)
        index = np.zeros(len(counts), np.intp)
        index[distinct] = np.arange(len(distinct))
        return distinct + _NO_KIND, index[payloads - _NO_KIND]
    distinct, group_of = np.unique(payloads, return_inverse=True)
    return distinct, group_of


def _field(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _varint_sizes(values: Ints) -> Ints:
    """Returns the bytes that each value takes; a negative one takes ten."""
    unsigned = values.view(np.uint64)  # a negative value becomes a large unsigned one
    sizes = np.ones(len(values), np.int64)
    biggest = int(unsigned.max()) if len(values) else 0
    for bits in range(7, max(7, biggest.bit_length()), 7):
        sizes += unsigned >= np.uint64(1 << bits)
    return sizes


def _windows(buffer: Bytes, size: int) -> NDArray[np.void]:
    """Returns a view of `buffer` whose item at any index is the `size` bytes from there on.

    NumPy moves such an item as a whole, about twenty times faster than byte by byte.
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
