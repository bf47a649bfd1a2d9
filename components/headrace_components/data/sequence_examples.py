"""Turns tf.SequenceExamples into record batches."""

from collections.abc import Sequence

import pyarrow as pa
from tfx_bsl.coders.sequence_example_coder import SequenceExamplesToRecordBatchDecoder

from headrace_components.data.decoding_errors import undecodable

PAYLOAD_FORMAT = "FORMAT_TF_SEQUENCE_EXAMPLE"

# The name that TFX's statistics and schemas have for it.
_SEQUENCES = "##SEQUENCE##"


def decode_sequences(records: Sequence[bytes], component: str) -> pa.RecordBatch:
    """Returns rows as tfx_bsl decodes them, the columns sorted by name.

    Context features are list columns. Sequence features are the fields of one struct column,
    `##SEQUENCE##`, each a list of steps, which are lists of values.

    Raises:
        InputError: A record is no tf.SequenceExample.
    """
    try:
        batch = SequenceExamplesToRecordBatchDecoder(_SEQUENCES).DecodeBatch(list(records))
    except (RuntimeError, ValueError) as error:
        where = f"{len(records)} records of `examples`"
        raise undecodable(component, where, "tf.SequenceExamples", PAYLOAD_FORMAT, error) from error
    names = sorted(batch.schema.names)
    columns = [batch.column(batch.schema.get_field_index(name)) for name in names]
    return pa.RecordBatch.from_arrays(columns, names)
