"""Reads the inputs of a signature from examples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from headrace_components.contract.errors import InputError
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.tflite_converter.signature import InputTensor, Signature

# Wide enough for the SavedModel to be fast, narrow enough for images to fit in memory.
_BATCH_ROWS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Some rows.

    Attributes:
        num_rows: Number of rows.
        inputs: An array of shape `(num_rows, ...)` by input of the signature.
        labels: The labels, shape `(num_rows,)`; None without a `label_key`.
    """

    num_rows: int
    inputs: dict[str, Any]
    labels: Any


class SignatureRows:
    """The rows of examples, as inputs of a signature.

    Args:
        reader: The examples.
        signature: The signature.
        label_key: Feature with the label; empty if there is none.
    """

    def __init__(self, reader: ExamplesReader, signature: Signature, label_key: str = "") -> None:
        self._reader = reader
        self._signature = signature
        self._label_key = label_key

    def batches(self, split: str, most_rows: int) -> Iterator[Batch]:
        """Yields the first rows of a split; all for 0.

        Raises:
            InputError: The split does not exist or is empty, or its features do not fit the
                signature.
        """
        num_rows = 0
        for batch in self._read(split):
            rest = most_rows - num_rows if most_rows else batch.num_rows
            part = batch.slice(0, rest)
            if part.num_rows == 0:
                break
            yield self._batch(part, split)
            num_rows += part.num_rows
        if num_rows == 0:
            raise InputError(
                f"split {split!r} of `examples` holds no rows, expected at least "
                f"one. Name another of {list(self._reader.split_names)}."
            )

    def _read(self, split: str) -> Iterator[pa.RecordBatch]:
        columns: Sequence[str] | None = None
        if not any(not tensor.features for tensor in self._signature.inputs):
            columns = sorted(self._wanted())
        self._check_names(split)
        for batch in self._reader.record_batches(split, batch_size=_BATCH_ROWS, columns=columns):
            if batch.num_rows:
                yield batch

    def _wanted(self) -> dict[str, str]:
        """Returns the features to read, and the use of each."""
        wanted = {
            feature: self._where(tensor)
            for tensor in self._signature.inputs
            for feature in tensor.features
        }
        return {**wanted, **({self._label_key: "`label_key`"} if self._label_key else {})}

    def _where(self, tensor: InputTensor) -> str:
        return f"input {tensor.name!r} of signature {self._signature.name!r}"

    def _check_names(self, split: str) -> None:
        first = next(self._reader.record_batches(split, batch_size=_BATCH_ROWS), None)
        if first is None or not first.num_rows:
            return
        for feature, where in self._wanted().items():
            if feature not in first.schema.names:
                raise InputError(
                    f"{where} is feature {feature!r}, but the rows of split "
                    f"{split!r} have {first.schema.names}. Connect the examples that the signature "
                    "takes, raw or transformed, or name its features in `input_features`."
                )

    def _batch(self, batch: pa.RecordBatch, split: str) -> Batch:
        labels = None
        if self._label_key:
            values = _column(batch, self._label_key, "`label_key`", split)
            label = _numbers(values, self._label_key, "`label_key`", floats=True)
            if label.shape[1] != 1:
                raise InputError(
                    f"`label_key` {self._label_key!r} has {label.shape[1]} "
                    f"values in the rows of split {split!r}, expected one. Name a feature with one "
                    "number a row."
                )
            labels = label[:, 0]
        return Batch(
            num_rows=batch.num_rows,
            inputs={
                tensor.name: self._array(batch, tensor, split) for tensor in self._signature.inputs
            },
            labels=labels,
        )

    def _array(self, batch: pa.RecordBatch, tensor: InputTensor, split: str) -> Any:
        if not tensor.features:
            return np.array(encode_examples(batch), np.object_)
        where = self._where(tensor)
        parts = [
            _typed(_column(batch, feature, where, split), tensor, feature, where)
            for feature in tensor.features
        ]
        values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        expected = [1 if size is None else size for size in tensor.shape]
        width = int(np.prod(expected))
        fits = values.shape[1] == width
        if None in tensor.shape:
            fits = values.shape[1] % width == 0
        if not fits:
            raise InputError(
                f"{where} has the shape {list(tensor.shape)} a row, but the "
                f"features {list(tensor.features)} hold {values.shape[1]} values in the rows of "
                f"split {split!r}. Name the features that the model was trained on in "
                "`input_features`."
            )
        sizes = [-1 if size is None else size for size in tensor.shape]
        return values.reshape(len(values), *sizes)


def _column(batch: pa.RecordBatch, feature: str, where: str, split: str) -> pa.Array:
    """Returns a list column whose rows all have the same number of values."""
    position = batch.schema.get_field_index(feature)
    column = pa.nulls(batch.num_rows) if position < 0 else batch.column(position)
    if column.null_count:
        raise InputError(
            f"{where} is feature {feature!r}, which {column.null_count} of "
            f"{batch.num_rows} rows of split {split!r} lack, and TF Lite knows no missing "
            "values. Fill them in where the examples are made."
        )
    lengths = np.unique(column.value_lengths().to_numpy(zero_copy_only=False))
    if len(lengths) > 1:
        raise InputError(
            f"{where} is feature {feature!r}, which has {lengths[0]} to "
            f"{lengths[-1]} values in the rows of split {split!r}, expected the same number in "
            "each. Pad it where the examples are made."
        )
    return column


def _typed(column: pa.Array, tensor: InputTensor, feature: str, where: str) -> Any:
    """Returns the values as an array of shape `(rows, values)` with the tensor's type."""
    if tensor.dtype.name != "string":
        numbers = _numbers(column, feature, where, floats=tensor.dtype.is_floating)
        return numbers.astype(tensor.dtype.as_numpy_dtype)
    if not pa.types.is_large_binary(column.type.value_type):
        raise _other_type(column, feature, where, "strings")
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)


def _numbers(column: pa.Array, feature: str, where: str, *, floats: bool) -> Any:
    kind = column.type.value_type
    if not pa.types.is_int64(kind) and not (floats and pa.types.is_float32(kind)):
        raise _other_type(column, feature, where, "numbers" if floats else "integers")
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)


def _other_type(column: pa.Array, feature: str, where: str, expected: str) -> InputError:
    return InputError(
        f"{where} is feature {feature!r}, which holds {column.type.value_type} "
        f"in the examples, expected {expected}. Connect the examples that the model was trained "
        "on, or name another feature."
    )
