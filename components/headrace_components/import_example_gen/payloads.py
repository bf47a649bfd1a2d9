"""Reads serialized records from TFRecord files, by payload format."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from google.protobuf.message import DecodeError
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from headrace_components.data.example_encoder import encode_examples
from headrace_components.data.tfrecord import read_frames
from headrace_components.errors import InputError
from headrace_components.example_gen.files import open_bytes
from headrace_components.example_gen.writing import FeatureKeys, Rows
from headrace_components.import_example_gen.messages import canonical, message_class
from headrace_components.import_example_gen.params import (
    EXAMPLE,
    PROTO,
    SEQUENCE_EXAMPLE,
    ImportExampleGenParams,
)

_COMPONENT = "import_example_gen"
_ROWS_PER_BATCH = 10_000
# Long records would make such a batch large.
_BYTES_PER_BATCH = 32 << 20
_READ_BYTES = 1 << 20

_Batch = tuple[str, int, list[bytes]]
"""A file, the number of the first record, and some records."""


def read_rows(params: ImportExampleGenParams, paths: Sequence[str]) -> Iterator[Rows]:
    """Returns the records of TFRecord files, to be read once.

    Raises:
        InputError: A file is corrupt, or a record is not of the payload format.
    """
    batches = _batches(paths)
    if params.payload_format == EXAMPLE:
        return _examples(params, batches)
    if params.payload_format == SEQUENCE_EXAMPLE:
        return _sequence_examples(params, batches)
    return (Rows(records=records, keys=records, batch=None) for _, _, records in batches)


def _batches(paths: Sequence[str]) -> Iterator[_Batch]:
    for path in paths:
        records: list[bytes] = []
        start = num_bytes = 0
        for record in _records(path):
            records.append(record)
            num_bytes += len(record)
            if len(records) == _ROWS_PER_BATCH or num_bytes > _BYTES_PER_BATCH:
                yield path, start, records
                start += len(records)
                records, num_bytes = [], 0
        if records:
            yield path, start, records


def _records(path: str) -> Iterator[bytes]:
    with open_bytes(_COMPONENT, path) as stream:
        chunks = iter(lambda: stream.read(_READ_BYTES), b"")
        advice = "Give TFRecord files, and copy or write this one again."
        yield from read_frames(chunks, f"{_COMPONENT}: {path}", advice)


def _examples(params: ImportExampleGenParams, batches: Iterator[_Batch]) -> Iterator[Rows]:
    decoder = ExamplesToRecordBatchDecoder()
    example = message_class("Example")
    feature = params.partition_feature
    feature_keys = FeatureKeys(_COMPONENT, feature) if feature else None
    for path, start, records in batches:
        try:
            batch = decoder.DecodeBatch(records)
        except (RuntimeError, ValueError) as error:
            raise _not_examples(example, path, start, records, error) from error
        if not batch.num_columns:
            raise InputError(
                f"{_COMPONENT}: {path}, records {start} to {start + len(records) - 1}: none has a "
                "feature, expected tf.Examples that have. Give the `payload_format` of the files; "
                f"{PROTO} takes any record."
            )
        keys = feature_keys.of(batch) if feature_keys else _canonical(example, batch, records)
        yield Rows(records=records, keys=keys, batch=batch)
    if feature_keys:
        feature_keys.check()


def _canonical(example: Any, batch: pa.RecordBatch, records: Sequence[bytes]) -> list[bytes]:
    """Returns the records with their features in the order of their names.

    What the columns encode to is that, unless the record lacks a feature that another one has;
    then it is shorter. Only those need be parsed.
    """
    encoded = encode_examples(batch)
    return [
        ordered if len(ordered) == len(record) else canonical(example.FromString(record))
        for ordered, record in zip(encoded, records, strict=True)
    ]


def _not_examples(
    example: Any, path: str, start: int, records: Sequence[bytes], error: Exception
) -> InputError:
    for number, record in enumerate(records, start=start):
        try:
            example.FromString(record)
        except DecodeError:
            return _mismatch(path, number, EXAMPLE, "tf.Example")
    return InputError(
        f"{_COMPONENT}: {path}, records {start} to {start + len(records) - 1}: a feature does not "
        f"have one type in all of them ({error}). Write it as integers, numbers or bytes "
        "throughout."
    )


def _sequence_examples(params: ImportExampleGenParams, batches: Iterator[_Batch]) -> Iterator[Rows]:
    sequence_example = message_class("SequenceExample")
    feature = params.partition_feature.encode()
    for path, start, records in batches:
        keys = []
        for number, record in enumerate(records, start=start):
            try:
                message = sequence_example.FromString(record)
            except DecodeError as error:
                raise _mismatch(path, number, SEQUENCE_EXAMPLE, "tf.SequenceExample") from error
            keys.append(
                _context_key(message, feature, path, number) if feature else canonical(message)
            )
        yield Rows(records=records, keys=keys, batch=None)


def _context_key(message: Any, feature: bytes, path: str, number: int) -> bytes:
    """Returns the context feature that decides on the split."""
    context = {entry.key: entry.value for entry in message.context.feature}
    found = context[feature].WhichOneof("kind") if feature in context else None
    if found not in ("bytes_list", "int64_list"):
        names = sorted(key.decode(errors="replace") for key in context)
        raise InputError(
            f"{_COMPONENT}: {path}, record {number}: `partition_feature_name` is "
            f"{feature.decode()!r}, expected whole numbers or text in the context; there it is "
            f"{found or 'no value'}, and the context has {names}. Name another feature of the "
            "context."
        )
    key: bytes = context[feature].SerializeToString()
    return key


def _mismatch(path: str, number: int, payload_format: str, kind: str) -> InputError:
    return InputError(
        f"{_COMPONENT}: {path}, record {number} (counted from 0) is no {kind}, as `payload_format` "
        f"{payload_format!r} has it. Give the `payload_format` of the files; {PROTO} takes any "
        "record."
    )
