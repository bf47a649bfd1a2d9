"""Examples as a `tf.data.Dataset`, from Arrow record batches and without `tf.io.parse_example`.

The elements are the same as in tfx_bsl's `TFExampleRecord.TensorFlowDataset` for the same rows:
keys, dtypes, shapes, dense or sparse by the schema's tensor representations.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from headrace_components.contract.errors import InputError
from headrace_components.library.data import example_rows
from headrace_components.library.data.example_columns import Feature, rows_of
from headrace_components.library.data.example_rows import Array, Dense, Ragged, Rows, StoredRows


def make_dataset(
    read: Callable[[], Iterator[pa.RecordBatch]],
    features: Mapping[str, Feature],
    options: Any,
) -> tf.data.Dataset:
    """Returns batches of tensors by feature name.

    Args:
        read: Starts to read record batches from the first row.
        features: The column for each tensor, by tensor name.
        options: tfx_bsl's `TensorFlowDatasetOptions`. The numbers of threads have no effect. The
            shuffle buffer is a lower bound, because rows in memory are all shuffled together.

    Raises:
        InputError: `options.label_key` is not a feature. Errors in rows are raised when they are
            read.
    """
    if options.label_key is not None and options.label_key not in features:
        raise InputError(
            f"`label_key` is {options.label_key!r}, but the schema's features are "
            f"{sorted(features)}. Name one of those as the label."
        )
    drop_rest = options.drop_final_batch or options.num_epochs is None
    source = StoredRows(lambda: (rows_of(batch, features) for batch in read()))
    # One generator for all passes over the dataset. As with tf.data's shuffle, each pass has
    # another order, and the same seed gives the same sequence of orders.
    rng = np.random.default_rng(options.shuffle_seed)

    layout = _Layout(
        dense={name: feature for name, feature in features.items() if feature.shape is not None},
        sparse=_by_dtype(features),
        batch_size=options.batch_size,
        static_batch=options.batch_size if drop_rest else None,
    )

    def blocks() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for rows in _piece_stream(source, options, rng, drop_rest):
            yield layout.block(rows)

    def batches(sliced: Any, whole: Any) -> tf.data.Dataset:
        sliced, whole = layout.with_strings(sliced, whole)
        elements = tf.data.Dataset.from_tensor_slices(sliced)
        return elements.map(lambda batch: element(batch, whole))

    def element(batch: Any, whole: Any) -> Any:
        tensors = layout.tensors(batch, whole)
        if options.label_key is None:
            return tensors
        label = tensors.pop(options.label_key)
        return tensors, label

    dataset = tf.data.Dataset.from_generator(blocks, output_signature=layout.signature())
    # One block is made in advance, while the batches of the block before are read.
    dataset = dataset.prefetch(1).flat_map(batches)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _piece_stream(
    source: StoredRows, options: Any, rng: np.random.Generator, drop_rest: bool
) -> Iterator[Rows]:
    def pieces() -> Iterator[Rows]:
        for epoch in example_rows.epochs(source, options.num_epochs):
            if options.shuffle:
                yield from example_rows.shuffled(epoch, options.shuffle_buffer_size, rng)
            else:
                yield from example_rows.in_order(epoch)

    return example_rows.whole_batches(pieces(), options.batch_size, drop_rest)


def _by_dtype(features: Mapping[str, Feature]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, feature in features.items():
        if feature.shape is None:
            groups.setdefault(feature.dtype, []).append(name)
    return groups


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """The layout of a block of rows for TensorFlow: few tensors, and few operations per batch.

    Dense columns have shape `(num_batches, batch_size, ...)`; tf.data slices them by batch. There
    is one tensor per dtype for the values of sparse columns, ordered by batch, and by column within
    a batch. A batch is one slice of it, split into columns. The indices have the same layout.

    Attributes:
        dense: Dense features by name.
        sparse: Names of sparse features by dtype.
        batch_size: Rows in a batch, except the last one.
        static_batch: The same, or None if a batch may be shorter.
    """

    dense: Mapping[str, Feature]
    sparse: Mapping[str, Sequence[str]]
    batch_size: int
    static_batch: int | None

    def signature(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the specs of the results of `block`."""
        sliced: dict[str, Any] = {
            f"dense/{name}": tf.TensorSpec(
                [None, self.static_batch, *(feature.shape or ())], _carried(feature.dtype)
            )
            for name, feature in self.dense.items()
        }
        whole: dict[str, Any] = {"vocabulary": tf.TensorSpec([None], tf.string)}
        for dtype, names in self.sparse.items():
            whole[f"values/{dtype}"] = tf.TensorSpec([None], _carried(dtype))
            whole[f"indices/{dtype}"] = tf.TensorSpec([None, 2], tf.int64)
            sliced[f"begin/{dtype}"] = tf.TensorSpec([None, 2], tf.int64)
            sliced[f"size/{dtype}"] = tf.TensorSpec([None, 2], tf.int64)
            sliced[f"counts/{dtype}"] = tf.TensorSpec([None, len(names)], tf.int64)
            sliced[f"shapes/{dtype}"] = tf.TensorSpec([None, len(names), 2], tf.int64)
        return sliced, whole

    def block(self, rows: Rows) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns the parts that are sliced by batch, and those that are sliced by their bounds."""
        batch_rows = min(self.batch_size, rows.num_rows)
        sliced: dict[str, Any] = {}
        whole: dict[str, Any] = {}
        vocabularies = _Vocabularies()
        for name in self.dense:
            values = vocabularies.add(rows.columns[name])
            sliced[f"dense/{name}"] = values.reshape(-1, batch_rows, *values.shape[1:])
        for dtype, names in self.sparse.items():
            parts = [
                _SparseColumn.of(rows.columns[name], vocabularies, batch_rows) for name in names
            ]
            counts = np.stack([part.counts for part in parts], axis=1)
            bounds = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
            by_batch = zip(*(part.cuts() for part in parts), strict=True)
            batch_major = [
                (part, cut) for cuts in by_batch for part, cut in zip(parts, cuts, strict=True)
            ]
            whole[f"values/{dtype}"] = np.concatenate([p.values[cut] for p, cut in batch_major])
            whole[f"indices/{dtype}"] = np.concatenate([p.indices[cut] for p, cut in batch_major])
            zeros = np.zeros(len(counts), np.int64)
            sliced[f"begin/{dtype}"] = np.stack([bounds[:-1], zeros], axis=1)
            sliced[f"size/{dtype}"] = np.stack([np.diff(bounds), zeros + 2], axis=1)
            sliced[f"counts/{dtype}"] = counts
            sliced[f"shapes/{dtype}"] = np.stack([part.shapes for part in parts], axis=1)
        whole["vocabulary"] = vocabularies.words()
        return sliced, whole

    def with_strings(self, sliced: Any, whole: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns a block with strings in place of their positions, in the graph."""
        sliced, whole = dict(sliced), dict(whole)
        words = whole.pop("vocabulary")
        for name, feature in self.dense.items():
            if feature.dtype == "string":
                sliced[f"dense/{name}"] = tf.gather(words, sliced[f"dense/{name}"])
        if "string" in self.sparse:
            whole["values/string"] = tf.gather(words, whole["values/string"])
        return sliced, whole

    def tensors(self, batch: Any, whole: Any) -> dict[str, Any]:
        """Returns the tensors of one batch by name, in the graph."""
        tensors = {name: batch[f"dense/{name}"] for name in self.dense}
        for dtype, names in self.sparse.items():
            begin, size = batch[f"begin/{dtype}"], batch[f"size/{dtype}"]
            counts = batch[f"counts/{dtype}"]
            values = tf.slice(whole[f"values/{dtype}"], begin[:1], size[:1])
            indices = tf.slice(whole[f"indices/{dtype}"], begin, size)
            columns = zip(
                names,
                tf.split(indices, counts, num=len(names)),
                tf.split(values, counts, num=len(names)),
                tf.unstack(batch[f"shapes/{dtype}"], num=len(names)),
                strict=True,
            )
            for name, column_indices, column_values, shape in columns:
                tensor = tf.SparseTensor(column_indices, column_values, shape)
                tensor.set_shape([self.static_batch, None])
                tensors[name] = tensor
        return tensors


class _Vocabularies:
    """The vocabularies of a block's columns, one after the other."""

    def __init__(self) -> None:
        self._parts: list[Array] = [np.empty(0, np.object_)]
        self._num_words = 0

    def add(self, column: Dense | Ragged) -> Array:
        """Returns the column's values; strings as positions in the vocabulary of the block."""
        values: Any = column.own_values if isinstance(column, Ragged) else column.values
        if column.vocabulary is None:
            numbers: Array = values
            return numbers
        positions, words = example_rows.compact(values, column.vocabulary)
        shifted: Array = np.add(positions, self._num_words)
        self._parts.append(words)
        self._num_words += len(words)
        return shifted

    def words(self) -> Array:
        """Returns all words added."""
        return np.concatenate(self._parts)


def _carried(dtype: str) -> tf.DType:
    # Strings are passed as positions in a vocabulary.
    return tf.int64 if dtype == "string" else tf.dtypes.as_dtype(dtype)


@dataclass(frozen=True, kw_only=True, slots=True)
class _SparseColumn:
    """A ragged column, as the parts of one sparse tensor per batch, one after the other."""

    values: Array
    indices: Array
    bounds: Array
    shapes: Array

    @classmethod
    def of(cls, column: Any, vocabularies: "_Vocabularies", batch_rows: int) -> "_SparseColumn":
        lengths = column.lengths
        offsets = column.offsets - column.offsets[0]
        row_numbers = np.repeat(np.arange(len(lengths)) % batch_rows, lengths)
        positions = np.arange(len(row_numbers)) - np.repeat(offsets[:-1], lengths)
        longest = lengths.reshape(-1, batch_rows).max(axis=1)
        return cls(
            values=vocabularies.add(column),
            indices=np.stack([row_numbers, positions], axis=1),
            bounds=offsets[::batch_rows],
            shapes=np.stack([np.full_like(longest, batch_rows), longest], axis=1),
        )

    @property
    def counts(self) -> Array:
        """Values in each batch."""
        return np.diff(self.bounds)

    def cuts(self) -> list[slice]:
        """Returns the position of each batch's values."""
        bounds = self.bounds.tolist()
        return [slice(*ends) for ends in itertools.pairwise(bounds)]
