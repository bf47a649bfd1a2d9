"""Reads Avro files into examples without Beam or TensorFlow, some thousand rows at a time."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from headrace_components.avro_example_gen import avro_files
from headrace_components.avro_example_gen.params import AvroExampleGenParams
from headrace_components.example_gen.from_files import rows_writer, write_examples
from headrace_components.example_gen.values import FeatureColumns
from headrace_components.example_gen.writing import rows_of
from headrace_components.parameters import read
from headrace_components.task import Task

_ADVICE = "Change the field where the file is written, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(AvroExampleGenParams, task.params, task.component)
    write_examples(
        params,
        task.output("examples"),
        rows_writer(params, lambda paths: rows_of(_list_batches(paths), params)),
    )


def _list_batches(paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
    columns = FeatureColumns(AvroExampleGenParams.component, _ADVICE)
    for path, batch in avro_files.batches(paths, _ADVICE):
        yield columns.of(batch, path)
