"""Applies a transform graph to rows, in large batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper
from tensorflow_transform.saved import saved_transform_io_v2
from tfx_bsl.coders.example_coder import (
    ExamplesToRecordBatchDecoder,
    RecordBatchToExamplesEncoder,
)

from headrace_components.errors import InputError
from headrace_components.transform.graph_errors import told_to_author
from headrace_components.transform.raw_data import RawColumns


class GraphApplication:
    """The SavedModel that an analysis wrote, as a function of raw batches.

    Args:
        transform_fn: Location of the SavedModel.
        schema: Schema of its outputs.
        columns: The features that it is fed with.
        component: Name of the component, for error messages.
    """

    def __init__(
        self, transform_fn: str, schema: schema_pb2.Schema, columns: RawColumns, component: str
    ) -> None:
        self._columns = columns
        self._component = component
        self._converter = impl_helper.make_tensor_to_arrow_converter(schema)
        model = saved_transform_io_v2.SavedModelLoader(transform_fn)
        if not model.load_v2_in_compat:
            model.finalize(columns.fed(), model.structured_outputs.keys())
        self._apply: Callable[[Mapping[str, Any]], Mapping[str, Any]] = model.apply_transform_model

    def transformed(self, batch: pa.RecordBatch, split: str) -> pa.RecordBatch:
        """Returns a converted batch of a split transformed, a `large_list` column per feature.

        Raises:
            InputError: The graph does not run on the rows, or does not keep their number.
        """
        tensors = self._columns.tensors(batch, split)
        with told_to_author(self._component, split):
            transformed = self._converter.convert(dict(self._apply(tensors)))
        if transformed.num_rows != batch.num_rows:
            raise InputError(
                f"{self._component}: preprocessing_fn made {transformed.num_rows} rows of "
                f"{batch.num_rows}, expected one for each. Return features whose first "
                "dimension is the rows."
            )
        return transformed


class ExampleForm:
    """Transformed rows as the schema says tf.Examples hold them.

    Args:
        schema: Schema of the transformed features.
    """

    def __init__(self, schema: schema_pb2.Schema) -> None:
        self._encoder = RecordBatchToExamplesEncoder(schema)
        self._decoder = ExamplesToRecordBatchDecoder()

    def of(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Sequence[bytes] | None]:
        """Returns list columns and, where these alone do not say it, the serialized tf.Examples."""
        if all(not pa.types.is_nested(field.type.value_type) for field in batch.schema):
            return batch, None
        # A ragged feature is several features of a tf.Example: its values and its row lengths.
        serialized = self._encoder.encode(batch)
        return self._decoder.DecodeBatch(serialized), serialized
