"""Reads serialized records from TFRecord files, by payload format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from google.protobuf.message import DecodeError
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from headrace_components.contract.errors import InputError
from headrace_components.import_example_gen.messages import canonical, message_class
from headrace_components.import_example_gen.params import (
    EXAMPLE,
    PROTO,
    SEQUENCE_EXAMPLE,
    ImportExampleGenParams,
)
from headrace_components.library.data.example_encoder import encode_examples
from headrace_components.library.data.tfrecord import read_frames
from headrace_components.library.sources.files import open_bytes
from headrace_components.library.sources.partition import feature_keys
from headrace_components.library.sources.rows import DecodedRows

_ROWS_PER_BATCH = 10_000
# Long records would make such a batch large.
_BYTES_PER_BATCH = 32 << 20
_READ_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """Some records of a file.

    Attributes:
        path: The file.
        start: Number of the first record, from 0.
        content: The records.
    """

    path: str
    start: int
    content: Sequence[bytes]

    @property
    def place(self) -> str:
        """Their place, for error messages."""
        return f"{self.path}, records {self.start} to {self.start + len(self.content) - 1}"


def read_records(path: str) -> Iterator[Records]:
    """Yields the records of a TFRecord file, some thousand at a time.

    Raises:
        InputError: The file is corrupt.
    """
    content: list[bytes] = []
    start = num_bytes = 0
    for record in _records(path):
        content.append(record)
        num_bytes += len(record)
        if len(content) == _ROWS_PER_BATCH or num_bytes > _BYTES_PER_BATCH:
            yield Records(path=path, start=start, content=content)
            start += len(content)
            content, num_bytes = [], 0
    if content:
        yield Records(path=path, start=start, content=content)


def rows_of(params: ImportExampleGenParams, records: Records) -> DecodedRows:
    """Returns unchanged records, and the keys that decide on their splits.

    Raises:
        InputError: A record is not of the payload format.
    """
    if params.payload_format == EXAMPLE:
        return _examples(params.partition_feature, records)
    if params.payload_format == SEQUENCE_EXAMPLE:
        return _sequence_examples(params.partition_feature.encode(), records)
    return DecodedRows(records=records.content, keys=records.content, batch=None)


def _records(path: str) -> Iterator[bytes]:
    with open_bytes(path) as stream:
        chunks = iter(lambda: stream.read(_READ_BYTES), b"")
        advice = "Give TFRecord files, and copy or write this one again."
        yield from read_frames(chunks, f"{path}", advice)


def _examples(feature: str, records: Records) -> DecodedRows:
    try:
        batch = ExamplesToRecordBatchDecoder().DecodeBatch(records.content)
    except (RuntimeError, ValueError) as error:
        raise _not_examples(records, error) from error
    if not batch.num_columns:
        raise InputError(
            f"{records.place}: none has a feature, expected tf.Examples that have. "
            f"Give the `payload_format` of the files; {PROTO} takes any record."
        )
    keys = feature_keys(batch, feature) if feature else _canonical(batch, records.content)
    return DecodedRows(records=records.content, keys=keys, batch=batch)


def _canonical(batch: pa.RecordBatch, records: Sequence[bytes]) -> list[bytes]:
    """Returns the records with their features in the order of their names.

    This is the encoding of the columns, unless the record lacks a feature that another one has;
    then it is shorter. Only such records must be parsed.
    """
    example = message_class("Example")
    encoded = encode_examples(batch)
    return [
        ordered if len(ordered) == len(record) else canonical(example.FromString(record))
        for ordered, record in zip(encoded, records, strict=True)
    ]


def _not_examples(records: Records, error: Exception) -> InputError:
    example = message_class("Example")
    for number, record in enumerate(records.content, start=records.start):
        try:
            example.FromString(record)
        except DecodeError:
            return _mismatch(records.path, number, EXAMPLE, "tf.Example")
    return InputError(
        f"{records.place}: a feature does not have one type in all of them "
        f"({error}). Write it as integers, numbers or bytes throughout."
    )


def _sequence_examples(feature: bytes, records: Records) -> DecodedRows:
    sequence_example = message_class("SequenceExample")
    keys = []
    for number, record in enumerate(records.content, start=records.start):
        try:
            message = sequence_example.FromString(record)
        except DecodeError as error:
            raise _mismatch(records.path, number, SEQUENCE_EXAMPLE, "tf.SequenceExample") from error
        if feature:
            keys.append(_context_key(message, feature, records.path, number))
        else:
            keys.append(canonical(message))
    return DecodedRows(records=records.content, keys=keys, batch=None)


def _context_key(message: Any, feature: bytes, path: str, number: int) -> bytes:
    """Returns the context feature that decides on the split."""
    context = {entry.key: entry.value for entry in message.context.feature}
    found = context[feature].WhichOneof("kind") if feature in context else None
    if found not in ("bytes_list", "int64_list"):
        names = sorted(key.decode(errors="replace") for key in context)
        raise InputError(
            f"{path}, record {number}: `partition_feature_name` is "
            f"{feature.decode()!r}, expected whole numbers or text in the context; there it is "
            f"{found or 'no value'}, and the context has {names}. Name another feature of the "
            "context."
        )
    key: bytes = context[feature].SerializeToString()
    return key


def _mismatch(path: str, number: int, payload_format: str, kind: str) -> InputError:
    return InputError(
        f"{path}, record {number} (counted from 0) is not a {kind}, "
        f"but `payload_format` is {payload_format!r}. Give the `payload_format` of the files; "
        f"{PROTO} takes any record."
    )
