"""Converts the raw rows with the schema: to Arrow columns, and to the graph's input tensors."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio.tf_example_record import TFExampleBeamRecord
from tfx_bsl.tfxio.tf_sequence_example_record import TFSequenceExampleBeamRecord

from headrace_components.contract.errors import InputError
from headrace_components.library.data import sequence_examples
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.schemas import SEQUENCE_FEATURE

# At this size, neither the cost of a graph call nor the memory of a batch matters.
BATCH_SIZE = 20_000


class RawColumns:
    """Converts the features of a schema like tfx_bsl's TFXIO.

    It is pickled for Beam workers, which make its parts again.

    Args:
        schema: Types and shapes of the features. As in `tfx_bsl.tfxio`, a feature with a fixed
            shape becomes a dense tensor, all others become sparse or ragged ones.
        component: Name of the component, for the log.
        columns: Features to read; None reads all of the schema.
        is_sequence: Whether the rows are tf.SequenceExamples, whose sequence features the schema
            describes within `##SEQUENCE##` and which become ragged tensors.

    Raises:
        InputError: The schema has no feature that fits into a tensor.
    """

    def __init__(
        self,
        schema: schema_pb2.Schema,
        component: str,
        columns: Iterable[str] | None = None,
        *,
        is_sequence: bool = False,
    ) -> None:
        self._schema = schema
        self._component = component
        self.is_sequence = is_sequence
        self._columns = None if columns is None else tuple(sorted(columns))
        if not schema.feature:
            raise InputError(
                "`schema` describes no feature, expected those of the examples. "
                "Connect the schema that schema_gen made of them."
            )
        if not is_sequence and any(each.name == SEQUENCE_FEATURE for each in schema.feature):
            raise InputError(
                f"`schema` describes sequences ({SEQUENCE_FEATURE}), but `examples` "
                "holds tf.Examples. Connect the schema of these examples, or examples whose "
                f"payload format is {sequence_examples.PAYLOAD_FORMAT}."
            )
        kind = TFSequenceExampleBeamRecord if is_sequence else TFExampleBeamRecord
        tfxio = kind(physical_format="inmem", telemetry_descriptors=["headrace"], schema=schema)
        self._projected: schema_pb2.Schema = schema
        if self._columns is not None:
            tfxio = tfxio.Project(list(self._columns))
            if is_sequence:  # its decoder; the other kind does not have this attribute
                self._projected = tfxio.projected.schema
        self.adapter_config = tfxio.TensorAdapterConfig()
        self._adapter = tfxio.TensorAdapter()
        self._arrow_schema: pa.Schema = tfxio.ArrowSchema()

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns what is needed to create this object again; parts of tfx_bsl are C++."""
        make = functools.partial(RawColumns, is_sequence=self.is_sequence)
        return make, (self._schema, self._component, self._columns)

    @property
    def names(self) -> list[str]:
        """Names of the features that are read."""
        return list(self._arrow_schema.names)

    def type_specs(self) -> dict[str, tf.TypeSpec]:
        """Returns the specs of the tensors of all features of the schema, by name."""
        specs: dict[str, tf.TypeSpec] = self._adapter.OriginalTypeSpecs()
        return specs

    def fingerprint(self) -> bytes:
        """Returns a fingerprint of the rules for making tensors: equal bytes for equal rules."""
        representations = self.adapter_config.tensor_representations
        parts = [
            f"{name} {representations[name].SerializeToString(deterministic=True)!r}"
            for name in sorted(representations)
        ]
        return "\n".join([str(self._arrow_schema), *parts]).encode()

    def fed(self) -> frozenset[str]:
        """Returns the names of the tensors that `tensors` returns."""
        return frozenset(self._adapter.TypeSpecs())

    def project(self, columns: Iterable[str]) -> "RawColumns":
        """Returns only these features; `type_specs` keeps all of the schema."""
        return RawColumns(self._schema, self._component, columns, is_sequence=self.is_sequence)

    def decoded(self, records: Sequence[bytes]) -> pa.RecordBatch:
        """Returns tf.SequenceExamples with the columns of the schema.

        Raises:
            InputError: A record is not a tf.SequenceExample, or contradicts the schema.
        """
        return sequence_examples.decode_sequences(records, self._projected)

    def converted(self, batch: pa.RecordBatch, split: str) -> pa.RecordBatch:
        """Returns a batch of a split with the columns and types of the schema.

        Raises:
            InputError: The examples contradict the schema.
        """
        columns = [self._column(batch, field, split) for field in self._arrow_schema]
        return pa.RecordBatch.from_arrays(columns, schema=self._arrow_schema)

    def tensors(self, batch: pa.RecordBatch, split: str) -> Mapping[str, Any]:
        """Returns a converted batch as eager tensors, by name.

        Raises:
            InputError: A row lacks a value that the schema requires.
        """
        self.check_dense(batch, split)
        tensors: Mapping[str, Any] = self._adapter.ToBatchTensors(batch, produce_eager_tensors=True)
        return tensors

    def _column(self, batch: pa.RecordBatch, field: pa.Field, split: str) -> pa.Array:
        index = batch.schema.get_field_index(field.name)
        if index < 0:
            return pa.nulls(batch.num_rows, field.type)
        column = batch.column(index)
        if column.type == field.type:
            return column
        if pa.types.is_null(column.type) or pa.types.is_null(column.type.value_type):
            return _without_values(column, field.type)
        raise InputError(
            f"the schema says feature {field.name!r} is "
            f"{_kind(field.type)}, but split {split!r} holds {_kind(column.type)}. Connect the "
            "schema that was made of these examples, or correct its type."
        )

    def check_dense(self, batch: pa.RecordBatch, split: str) -> None:
        """Explains an error that the adapter calls a size mismatch: with the feature and advice.

        Raises:
            InputError: A row lacks a value that the schema requires.
        """
        for name, representation in self.adapter_config.tensor_representations.items():
            if representation.WhichOneof("kind") != "dense_tensor":
                continue
            dense = representation.dense_tensor
            lengths = batch.column(batch.schema.get_field_index(dense.column_name)).value_lengths()
            size = int(np.prod([dim.size for dim in dense.shape.dim], initial=1))
            has_default = dense.HasField("default_value")
            lengths = lengths.drop_null() if has_default else lengths.fill_null(0)
            wrong = pc.sum(pc.not_equal(lengths, size)).as_py() or 0
            if wrong:
                other = pc.filter(lengths, pc.not_equal(lengths, size))[0].as_py()
                raise InputError(
                    f"feature {name!r} holds {other} values in a row of split "
                    f"{split!r}, but the schema fixes {size} in every row; {wrong} of "
                    f"{batch.num_rows} rows differ. Fill the gaps where the examples are made, or "
                    f"take the fixed shape of {name!r} out of the schema (schema_gen with "
                    "infer_feature_shape=False)."
                )


class RawData:
    """Rows of an Examples artifact, with the features of a schema.

    Args:
        reader: The artifact.
        columns: The features to read.
    """

    def __init__(self, reader: ExamplesReader, columns: RawColumns) -> None:
        self.reader = reader
        self.columns = columns

    def project(self, columns: Iterable[str]) -> "RawData":
        """Returns the same rows with only these features."""
        return RawData(self.reader, self.columns.project(columns))

    def read_by(self, reader: ExamplesReader) -> "RawData":
        """Returns the rows of another reader with the same features."""
        return RawData(reader, self.columns)

    def record_batches(self, split: str, batch_size: int = BATCH_SIZE) -> Iterator[pa.RecordBatch]:
        """Yields the rows of a split, with the columns and types of the schema.

        Raises:
            InputError: The examples contradict the schema.
        """
        if self.columns.is_sequence:
            for records in self.reader.serialized(split, batch_size=batch_size):
                yield self.columns.converted(self.columns.decoded(records), split)
            return
        names = self.columns.names
        for batch in self.reader.record_batches(split, batch_size=batch_size, columns=names):
            yield self.columns.converted(batch, split)


def _without_values(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Returns a column without any values as a column of the wanted list type."""
    if pa.types.is_null(column.type) or column.null_count == len(column):
        return pa.nulls(len(column), wanted)
    empty = np.zeros(len(column) + 1, np.int64)
    lists = pa.LargeListArray.from_arrays(pa.array(empty), pa.array([], wanted.value_type))
    return pc.if_else(column.is_null(), pa.nulls(len(column), wanted), lists)


def _kind(column: pa.DataType) -> str:
    """Returns the schema's name for the type of a list column."""
    inner = column
    while pa.types.is_list(inner) or pa.types.is_large_list(inner):
        inner = inner.value_type
    if pa.types.is_integer(inner):
        return "INT"
    return "FLOAT" if pa.types.is_floating(inner) else "BYTES"
