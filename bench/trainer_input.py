"""Rows per second into a trainer: the columnar twin against tfx_bsl's parse_example.

    python bench/trainer_input.py EXAMPLES [--split train] [--batch-size 256] [--epochs 3]

EXAMPLES is the directory of an Examples artifact with a columnar twin. Each feature is read as
schema_gen infers it: dense where every row has one value, sparse elsewhere; `--sparse` makes
all of them sparse. Each line is one epoch of one way, shuffled, iterated without a model.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from headrace_components.data_accessor import make_data_accessor
from headrace_components.examples import ExamplesReader


def infer_schema(reader: ExamplesReader, split: str, sparse: bool) -> schema_pb2.Schema:
    """Returns a schema in which a feature is dense where all rows have exactly one value."""
    types: dict[str, int] = {}
    dense: dict[str, bool] = {}
    for batch in reader.record_batches(split):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            is_one = pc.all(pc.equal(pc.list_value_length(column), 1)).as_py()
            dense[name] = dense.get(name, True) and column.null_count == 0 and is_one
            if not pa.types.is_null(column.type):
                types[name] = _type(column.type.value_type)
    schema = schema_pb2.Schema()
    for name, kind in sorted(types.items()):
        feature = schema.feature.add(name=name, type=kind)
        if dense[name] and not sparse:
            feature.presence.min_fraction = 1
            feature.shape.dim.add(size=1)
    return schema


def _type(kind: pa.DataType) -> int:
    if pa.types.is_integer(kind):
        return int(schema_pb2.INT)
    return int(schema_pb2.FLOAT if pa.types.is_floating(kind) else schema_pb2.BYTES)


def epochs(dataset: tf.data.Dataset, num_epochs: int) -> Iterator[tuple[int, float, float]]:
    """Yields the batches, the seconds and the CPU seconds of each pass over `dataset`."""
    for _ in range(num_epochs):
        start, start_cpu = time.perf_counter(), time.process_time()
        # Counted in the graph, as Keras consumes it, not batch by batch in Python.
        num_batches = int(dataset.reduce(0, lambda count, _: count + 1))
        yield num_batches, time.perf_counter() - start, time.process_time() - start_cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("examples", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--sparse", action="store_true")
    arguments = parser.parse_args()
    reader = ExamplesReader(arguments.examples, "bench")
    num_rows = reader.num_rows(arguments.split)
    schema = infer_schema(reader, arguments.split, arguments.sparse)
    num_dense = sum(feature.HasField("shape") for feature in schema.feature)
    print(f"{num_rows} rows, {num_dense} dense of {len(schema.feature)} features")
    options = tfxio.TensorFlowDatasetOptions(batch_size=arguments.batch_size, num_epochs=1)
    files = [reader.tfrecord_pattern(arguments.split)]
    ways: dict[str, Any] = {
        "tfx_bsl": lambda: tfxio.TFExampleRecord(files, schema=schema).TensorFlowDataset(options),
        "headrace": lambda: make_data_accessor("bench").tf_dataset_factory(files, options, schema),
    }
    for name, make in ways.items():
        start = time.perf_counter()
        dataset = make()
        print(f"{name}: ready in {time.perf_counter() - start:.2f} s")
        for num_batches, seconds, cpu_seconds in epochs(dataset, arguments.epochs):
            print(
                f"{name}: {num_batches} batches in {seconds:.2f} s ({cpu_seconds:.2f} s of CPU), "
                f"{num_rows / seconds:,.0f} rows/s"
            )


if __name__ == "__main__":
    main()
