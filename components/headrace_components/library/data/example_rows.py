"""Streams of rows as NumPy arrays: shuffled, repeated and cut into batches, without TensorFlow.

A stream is an iterator of `Rows`. Memory is bounded: a split that fits into `MAX_CACHE_BYTES` is
kept for the next epoch, a larger one is read again in blocks of `BLOCK_ROWS`.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Indices = npt.NDArray[np.int64]

# Large enough that the cost per block does not matter; a block of wide rows takes some megabytes.
BLOCK_ROWS = 32_768
MAX_CACHE_BYTES = 256 * 1024**2

# A Python string and its pointer.
_BYTES_PER_STRING = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Dense:
    """A column with the same number of values in each row.

    Attributes:
        values: Shape `(num_rows, ...)`; int64, float32, or positions in `vocabulary`.
        vocabulary: The different byte strings, if the column has byte strings. Shuffling and
            copying positions is much cheaper than shuffling and copying strings.
    """

    values: Array
    vocabulary: Array | None = None

    def slice(self, start: int, stop: int) -> "Dense":
        """Returns rows `[start, stop)`, as a view."""
        return Dense(values=self.values[start:stop], vocabulary=self.vocabulary)

    def take(self, rows: Indices) -> "Dense":
        """Returns the given rows, in the given order."""
        return Dense(values=self.values.take(rows, axis=0), vocabulary=self.vocabulary)

    def concat(self, others: Sequence["Dense"]) -> "Dense":
        """Returns these rows and then those of `others`."""
        parts, vocabulary = _unified(
            [(column.values, column.vocabulary) for column in (self, *others)]
        )
        return Dense(values=np.concatenate(parts), vocabulary=vocabulary)

    @property
    def num_bytes(self) -> int:
        """Memory the values take."""
        return self.values.nbytes + _vocabulary_bytes(self.vocabulary)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ragged:
    """A column with any number of values in each row.

    Attributes:
        values: The values of all rows, one after the other, shape `(num_values,)`.
        offsets: Row `i` is `values[offsets[i]:offsets[i + 1]]`; shape `(num_rows + 1,)`. The first
            need not be 0.
        vocabulary: As in `Dense`.
    """

    values: Array
    offsets: Indices
    vocabulary: Array | None = None

    @classmethod
    def of(cls, values: Array, lengths: Indices, vocabulary: Array | None = None) -> "Ragged":
        """Builds a column from the values and the number of values in each row."""
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        return cls(values=values, offsets=offsets, vocabulary=vocabulary)

    @property
    def lengths(self) -> Indices:
        """Number of values in each row."""
        return np.diff(self.offsets)

    @property
    def own_values(self) -> Array:
        """The values of these rows and no others."""
        return self.values[self.offsets[0] : self.offsets[-1]]

    def slice(self, start: int, stop: int) -> "Ragged":
        """Returns rows `[start, stop)`, as a view."""
        offsets = self.offsets[start : stop + 1]
        return Ragged(values=self.values, offsets=offsets, vocabulary=self.vocabulary)

    def take(self, rows: Indices) -> "Ragged":
        """Returns the given rows, in the given order."""
        lengths = self.lengths[rows]
        taken = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        # Position of each value: the start of its row, plus its place in the row.
        positions = np.repeat(self.offsets[:-1][rows] - taken[:-1], lengths)
        positions += np.arange(len(positions))
        values = self.values.take(positions)
        return Ragged(values=values, offsets=taken, vocabulary=self.vocabulary)

    def concat(self, others: Sequence["Ragged"]) -> "Ragged":
        """Returns these rows and then those of `others`."""
        columns = (self, *others)
        parts, vocabulary = _unified([(column.own_values, column.vocabulary) for column in columns])
        lengths = np.concatenate([column.lengths for column in columns])
        return Ragged.of(np.concatenate(parts), lengths, vocabulary)

    @property
    def num_bytes(self) -> int:
        """Memory the values take."""
        return self.values.nbytes + self.offsets.nbytes + _vocabulary_bytes(self.vocabulary)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows of named columns.

    Attributes:
        num_rows: Number of rows in each column.
        columns: Column by name.
    """

    num_rows: int
    columns: Mapping[str, Dense | Ragged]

    def slice(self, start: int, stop: int) -> "Rows":
        """Returns rows `[start, stop)`, as a view."""
        columns = {name: column.slice(start, stop) for name, column in self.columns.items()}
        return Rows(num_rows=stop - start, columns=columns)

    def take(self, rows: Indices) -> "Rows":
        """Returns the given rows, in the given order."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return Rows(num_rows=len(rows), columns=columns)

    @property
    def num_bytes(self) -> int:
        """Memory that the columns take."""
        return sum(column.num_bytes for column in self.columns.values())


def concat(blocks: Sequence[Rows]) -> Rows:
    """Returns all rows of one block or more."""
    first, *others = [block for block in blocks if block.num_rows] or blocks[:1]
    if not others:
        return first
    columns: dict[str, Any] = dict(first.columns)
    for name, column in columns.items():
        columns[name] = column.concat([other.columns[name] for other in others])
    return Rows(num_rows=sum(block.num_rows for block in blocks), columns=columns)


class StoredRows:
    """The rows of some splits, to be read many times.

    Args:
        read: Starts to read from the first row.
        max_cache_bytes: Rows up to this size are kept in memory after the first reading.
    """

    def __init__(
        self, read: Callable[[], Iterator[Rows]], max_cache_bytes: int = MAX_CACHE_BYTES
    ) -> None:
        self._read = read
        self._max_cache_bytes = max_cache_bytes
        self._cache: Rows | None = None
        self._fits = True

    def blocks(self) -> Iterator[Rows]:
        """Yields all rows, in one block if they fit into the cache."""
        if self._cache is not None:
            yield self._cache
            return
        stream = self._read()
        if self._fits:
            kept: list[Rows] = []
            num_bytes = 0
            for block in stream:
                kept.append(block)
                num_bytes += block.num_bytes
                # To build the one block, the same memory is needed again.
                if num_bytes > self._max_cache_bytes:
                    self._fits = False
                    break
            else:
                if kept:
                    self._cache = concat(kept)
                    yield self._cache
                return
            while kept:
                yield kept.pop(0)
        yield from stream


def epochs(source: StoredRows, num_epochs: int | None) -> Iterator[Iterator[Rows]]:
    """Yields the blocks of each epoch; forever if `num_epochs` is None.

    An empty source ends at once, like `tf.data.Dataset.repeat`.
    """
    for _ in itertools.count() if num_epochs is None else range(num_epochs):
        seen = 0

        def counted() -> Iterator[Rows]:
            nonlocal seen
            for block in source.blocks():
                seen += block.num_rows
                yield block

        yield counted()
        if not seen:
            return


def shuffled(blocks: Iterator[Rows], buffer_rows: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Yields the same rows in random order, in pieces of up to `BLOCK_ROWS`.

    Holds `buffer_rows` random rows back, to mix them with the rows that follow. A block is permuted
    as a whole.
    """
    pool: Rows | None = None
    for block in blocks:
        pool = block if pool is None else concat([pool, block])
        surplus = pool.num_rows - buffer_rows
        if surplus > 0:
            order = rng.permutation(pool.num_rows)
            yield from (pool.take(piece) for piece in _pieces(order[:surplus]))
            pool = pool.take(order[surplus:])
    if pool is not None:
        order = rng.permutation(pool.num_rows)
        yield from (pool.take(piece) for piece in _pieces(order))


def in_order(blocks: Iterator[Rows]) -> Iterator[Rows]:
    """Yields the same rows in the same order, in pieces of up to `BLOCK_ROWS`."""
    for block in blocks:
        for start in range(0, block.num_rows, BLOCK_ROWS):
            yield block.slice(start, min(start + BLOCK_ROWS, block.num_rows))


def whole_batches(stream: Iterator[Rows], batch_size: int, drop_rest: bool) -> Iterator[Rows]:
    """Yields pieces whose number of rows is a multiple of `batch_size`.

    The last piece may have fewer than `batch_size` rows, unless `drop_rest` is set.
    """
    rest: Rows | None = None
    for piece in stream:
        rows = piece if rest is None else concat([rest, piece])
        whole = rows.num_rows - rows.num_rows % batch_size
        if whole:
            yield rows.slice(0, whole)
        rest = rows.slice(whole, rows.num_rows)
    if rest is not None and rest.num_rows and not drop_rest:
        yield rest


def _pieces(order: Indices) -> Iterator[Indices]:
    for start in range(0, len(order), BLOCK_ROWS):
        yield order[start : start + BLOCK_ROWS]


def compact(values: Array, vocabulary: Array) -> tuple[Array, Array]:
    """Returns the same strings with a vocabulary that is not longer than the column."""
    if len(vocabulary) <= values.size:
        return values, vocabulary
    used, positions = np.unique(values, return_inverse=True)
    return positions.reshape(values.shape), vocabulary[used]


def _unified(columns: Sequence[tuple[Array, Array | None]]) -> tuple[list[Array], Array | None]:
    """Returns the values of all columns as positions in one vocabulary, if they have any."""
    first = columns[0][1]
    if all(vocabulary is first for _, vocabulary in columns):
        return [values for values, _ in columns], first
    positions: dict[bytes, int] = {}
    parts = []
    for values, vocabulary in columns:
        if vocabulary is None:
            raise TypeError("a column of byte strings was joined with one of numbers")
        values, vocabulary = compact(values, vocabulary)
        mapped = [positions.setdefault(word, len(positions)) for word in vocabulary.tolist()]
        parts.append(np.array(mapped, np.int64)[values])
    return parts, np.array(list(positions), np.object_)


def _vocabulary_bytes(vocabulary: Array | None) -> int:
    return 0 if vocabulary is None else len(vocabulary) * _BYTES_PER_STRING
