"""Encodes Arrow list columns as serialized tf.Examples."""

import pyarrow as pa
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder


def encode_examples(batch: pa.RecordBatch) -> list[bytes]:
    """Returns each row as a serialized `tf.train.Example`; features of type null are left out."""
    names = [field.name for field in batch.schema if not pa.types.is_null(field.type)]
    typed = pa.RecordBatch.from_arrays(
        [batch.column(batch.schema.get_field_index(name)) for name in names], names
    )
    encoded: list[bytes] = RecordBatchToExamplesEncoder().encode(typed)
    return encoded
