"""Turns tf.SequenceExamples into record batches."""

from collections.abc import Sequence

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.sequence_example_coder import SequenceExamplesToRecordBatchDecoder

from headrace_components.library.data.decoding_errors import undecodable
from headrace_components.library.data.schemas import SEQUENCE_FEATURE

PAYLOAD_FORMAT = "FORMAT_TF_SEQUENCE_EXAMPLE"


def decode_sequences(
    records: Sequence[bytes], schema: schema_pb2.Schema | None = None
) -> pa.RecordBatch:
    """Returns rows as tfx_bsl decodes them, the columns sorted by name.

    Context features are list columns. Sequence features are the fields of one struct column,
    `##SEQUENCE##`, each a list of steps, which are lists of values.

    Args:
        records: Serialized tf.SequenceExamples.
        schema: The features to decode, and their types; None decodes all features.

    Raises:
        InputError: A record is not a tf.SequenceExample, or has values of another type.
    """
    options = [] if schema is None else [schema.SerializeToString()]
    try:
        decoder = SequenceExamplesToRecordBatchDecoder(SEQUENCE_FEATURE, *options)
        batch = decoder.DecodeBatch(list(records))
    except (RuntimeError, ValueError) as error:
        where = f"{len(records)} records of `examples`"
        raise undecodable(where, "tf.SequenceExamples", PAYLOAD_FORMAT, error) from error
    names = sorted(batch.schema.names)
    columns = [batch.column(batch.schema.get_field_index(name)) for name in names]
    return pa.RecordBatch.from_arrays(columns, names)
