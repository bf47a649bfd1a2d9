"""Applies a transform graph to rows, in large batches and without Beam."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper
from tensorflow_transform.saved import saved_transform_io_v2

from headrace_components.errors import InputError
from headrace_components.transform.graph_errors import told_to_author
from headrace_components.transform.raw_data import RawData


class GraphApplication:
    """The SavedModel that an analysis wrote, as a function of raw batches.

    Args:
        transform_fn: Directory of the SavedModel.
        schema: Schema of its outputs.
        data: The rows to transform.
        component: Name of the component, for error messages.
    """

    def __init__(
        self, transform_fn: Path, schema: schema_pb2.Schema, data: RawData, component: str
    ) -> None:
        self._data = data
        self._component = component
        self._converter = impl_helper.make_tensor_to_arrow_converter(schema)
        model = saved_transform_io_v2.SavedModelLoader(str(transform_fn))
        if not model.load_v2_in_compat:
            model.finalize(data.fed(), model.structured_outputs.keys())
        self._apply: Callable[[Mapping[str, Any]], Mapping[str, Any]] = model.apply_transform_model

    def batches(self, split: str) -> Iterator[pa.RecordBatch]:
        """Yields the transformed rows of a split, one `large_list` column per feature.

        Raises:
            InputError: The graph does not run on the rows, or does not keep their number.
        """
        for batch in self._data.record_batches(split):
            tensors = self._data.tensors(batch, split)
            with told_to_author(self._component, split):
                transformed = self._converter.convert(dict(self._apply(tensors)))
            if transformed.num_rows != batch.num_rows:
                raise InputError(
                    f"{self._component}: preprocessing_fn made {transformed.num_rows} rows of "
                    f"{batch.num_rows}, expected one for each. Return features whose first "
                    "dimension is the rows."
                )
            yield transformed
