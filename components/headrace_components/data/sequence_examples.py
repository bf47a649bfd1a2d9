"""Turns tf.SequenceExamples into record batches."""

from collections.abc import Sequence

import pyarrow as pa
from tfx_bsl.coders.sequence_example_coder import SequenceExamplesToRecordBatchDecoder

from headrace_components.errors import InputError

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
        raise InputError(
            f"{component}: not all of {len(records)} records are tf.SequenceExamples ({error}). "
            f"Connect examples whose payload format is {PAYLOAD_FORMAT}."
        ) from error
    names = sorted(batch.schema.names)
    columns = [batch.column(batch.schema.get_field_index(name)) for name in names]
    return pa.RecordBatch.from_arrays(columns, names)
