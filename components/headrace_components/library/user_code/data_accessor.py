"""The object `fn_args.data_accessor`: the examples as tensors or as record batches.

The files are patterns such as `<examples>/Split-train/*`. If all of them have a complete columnar
twin, the twin is read; else tfx_bsl decodes the TFRecords. The rows are the same in both cases.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio
from tfx_bsl.tfxio import tensor_representation_util

from headrace_components.contract.errors import InputError
from headrace_components.library.data.example_columns import Feature
from headrace_components.library.data.example_dataset import make_dataset
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.user_code.fn_args import DataAccessor

_READ_ROWS = 32_768

_TFXIO = {
    "FORMAT_TF_EXAMPLE": tfxio.TFExampleRecord,
    "FORMAT_TF_SEQUENCE_EXAMPLE": tfxio.TFSequenceExampleRecord,
}


def make_data_accessor(
    component: str,
    payload_format: str = "FORMAT_TF_EXAMPLE",
    shared_seed: int | None = None,
) -> DataAccessor:
    """Returns factories for examples of one payload format.

    Args:
        component: Name of the component, for the log.
        payload_format: The examples' payload format.
        shared_seed: Seed of datasets that have no other seed. If several machines train, each reads
            all rows in the same order, and `tf.distribute` (or `dataset.shard`) gives each its own
            batches. With different orders, some rows would be used twice and others not at all.

    Raises:
        InputError: Headrace's TFRecords do not have this payload format.
    """
    if payload_format not in _TFXIO:
        raise InputError(
            f"the payload format of `examples` is {payload_format!r}, expected one of "
            f"{sorted(_TFXIO)}. Connect examples of one of those."
        )

    def dataset(
        files: Sequence[str] | str,
        options: tfxio.TensorFlowDatasetOptions,
        schema: schema_pb2.Schema | None = None,
    ) -> tf.data.Dataset:
        """Returns batches of tensors; see tfx_bsl's `TFXIO.TensorFlowDataset`."""
        if shared_seed is not None:
            options = _ordered_alike(options, shared_seed)
        patterns = _patterns(files)
        source = _decoder(component, payload_format, patterns, schema)
        features = _features(source, schema) if payload_format == "FORMAT_TF_EXAMPLE" else None
        splits = _columnar_splits(component, patterns) if features else None
        if splits is None or features is None:
            return _sharded_by_batch(source.TensorFlowDataset(options), shared_seed)
        columns = sorted({feature.column for feature in features.values()})
        rows = make_dataset(_reading(splits, columns), features, options)
        return _sharded_by_batch(rows, shared_seed)

    def record_batches(
        files: Sequence[str] | str,
        options: tfxio.RecordBatchesOptions,
        schema: schema_pb2.Schema | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yields record batches; see tfx_bsl's `TFXIO.RecordBatches`."""
        patterns = _patterns(files)
        source = _decoder(component, payload_format, patterns, schema)
        yield from source.RecordBatches(options)

    return DataAccessor(
        tf_dataset_factory=dataset, record_batch_factory=record_batches, data_view_decode_fn=None
    )


def _ordered_alike(
    options: tfxio.TensorFlowDatasetOptions, seed: int
) -> tfxio.TensorFlowDatasetOptions:
    given = options.shuffle_seed
    return options._replace(shuffle_seed=seed if given is None else given, sloppy_ordering=False)


def _sharded_by_batch(dataset: tf.data.Dataset, shared_seed: int | None) -> tf.data.Dataset:
    if shared_seed is None:
        return dataset
    # tf.distribute would distribute files, and one machine may get more of them than another.
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)


def _patterns(files: Sequence[str] | str) -> list[str]:
    return [files] if isinstance(files, str) else list(files)


def _decoder(
    component: str, payload_format: str, patterns: list[str], schema: schema_pb2.Schema | None
) -> Any:
    return _TFXIO[payload_format](
        file_pattern=patterns, schema=schema, telemetry_descriptors=[component]
    )


def _features(source: Any, schema: schema_pb2.Schema | None) -> dict[str, Feature] | None:
    """Returns how columns become tensors; None if tfx_bsl must do it, or must report an error."""
    if schema is None:
        return None
    types = {feature.name: feature.type for feature in schema.feature}
    features = {}
    for name, representation in source.TensorRepresentations().items():
        kind = representation.WhichOneof("kind")
        if kind not in ("dense_tensor", "varlen_sparse_tensor"):
            return None
        column = getattr(representation, kind).column_name
        if column not in types:
            return None
        spec = tensor_representation_util.CreateTfExampleParserConfig(representation, types[column])
        shape = getattr(spec, "shape", None)
        default = getattr(spec, "default_value", None)
        features[name] = Feature(
            column=column,
            dtype=spec.dtype.name,
            shape=None if shape is None else tuple(shape),
            default=None if default is None else tuple(default),
        )
    return features


def _columnar_splits(
    component: str, patterns: Sequence[str]
) -> list[tuple[ExamplesReader, str]] | None:
    """Returns the splits of the patterns; None unless all of them have a complete twin."""
    splits = []
    for pattern in patterns:
        path = Path(pattern)
        folder = path.parent
        if path.name != "*" or not folder.name.startswith("Split-") or not folder.is_dir():
            return None
        reader = ExamplesReader(folder.parent, component)
        split = folder.name.removeprefix("Split-")
        if not reader.has_columnar(split):
            logging.info("%s: %s has no columnar twin; its TFRecords are parsed.", component, path)
            return None
        splits.append((reader, split))
    return splits


def _reading(
    splits: Sequence[tuple[ExamplesReader, str]], columns: Sequence[str]
) -> Callable[[], Iterator[pa.RecordBatch]]:
    def read() -> Iterator[pa.RecordBatch]:
        for reader, split in splits:
            yield from reader.record_batches(split, batch_size=_READ_ROWS, columns=columns)

    return read
