"""Applies a transform graph to rows, in large batches."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper
from tensorflow_transform.saved import saved_transform_io_v2

from headrace_components.contract.errors import InputError
from headrace_components.transform.graph_errors import graph_errors_explained
from headrace_components.transform.raw_data import RawColumns


class GraphApplication:
    """The SavedModel that an analysis wrote, as a function of raw batches.

    Args:
        transform_fn: Location of the SavedModel.
        schema: Schema of its outputs.
        columns: The features that it reads.
        component: Name of the component, for the log.
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
        """Returns a transformed batch from a converted one, with a `large_list` column per feature.

        Raises:
            InputError: The graph does not run on the rows, or does not keep their number.
        """
        tensors = self._columns.tensors(batch, split)
        with graph_errors_explained(self._component, split):
            transformed = self._converter.convert(dict(self._apply(tensors)))
        if transformed.num_rows != batch.num_rows:
            raise InputError(
                f"preprocessing_fn made {transformed.num_rows} rows of "
                f"{batch.num_rows}, expected one for each. Return features whose first "
                "dimension is the rows."
            )
        return transformed


class ExampleForm:
    """Converts transformed rows to the features of tf.Examples, as in the schema.

    A ragged feature becomes several features of a tf.Example: its values, and the lengths in each
    dimension between rows and values.

    Args:
        schema: Schema of the transformed features.
    """

    def __init__(self, schema: schema_pb2.Schema) -> None:
        self._ragged = {
            name: representation.ragged_tensor
            for group in schema.tensor_representation_group.values()
            for name, representation in group.tensor_representation.items()
            if representation.WhichOneof("kind") == "ragged_tensor"
        }

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns transformed rows with a column for each feature of their tf.Examples."""
        columns: dict[str, pa.Array] = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in self._ragged:
                columns.update(_flat_columns(column, self._ragged[name]))
            else:
                columns[name] = column
        return pa.RecordBatch.from_pydict(columns)


def _flat_columns(
    column: pa.Array, representation: schema_pb2.TensorRepresentation.RaggedTensor
) -> Iterator[tuple[str, pa.Array]]:
    """Yields the parts of a column of nested lists, as list columns by name.

    Args:
        column: Lists of lists, as deep as there are ragged dimensions; uniform inner dimensions are
            flat in the innermost list.
        representation: Names the parts, from the outermost dimension inwards.
    """
    kinds = [(partition.WhichOneof("kind"), partition) for partition in representation.partition]
    names = [partition.row_length for kind, partition in kinds if kind == "row_length"]
    uniform = [each.uniform_row_length for kind, each in kinds if kind == "uniform_row_length"]
    bounds, values = np.asarray(column.offsets), column.values
    for depth, name in enumerate(names, 1):
        offsets = np.asarray(values.offsets)
        values_per_entry = math.prod(uniform) if depth == len(names) else 1
        lengths = pa.array(np.diff(offsets) // values_per_entry, pa.int64())
        yield name, pa.LargeListArray.from_arrays(pa.array(bounds), lengths)
        bounds, values = offsets[bounds], values.values
    flat = pa.LargeListArray.from_arrays(pa.array(bounds), values)
    yield representation.feature_path.step[0], flat
