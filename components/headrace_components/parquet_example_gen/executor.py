"""Reads Parquet files into examples without Beam or TensorFlow, some thousand rows at a time."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from headrace_components.example_gen.from_files import rows_writer, write_examples
from headrace_components.example_gen.parquet_files import ParquetFiles
from headrace_components.example_gen.values import FeatureColumns
from headrace_components.example_gen.writing import rows_of
from headrace_components.parameters import read
from headrace_components.parquet_example_gen.params import ParquetExampleGenParams
from headrace_components.task import Task

_ADVICE = "Change the column where the file is written, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(ParquetExampleGenParams, task.params, task.component)
    write_examples(
        params,
        task.output("examples"),
        rows_writer(params, lambda paths: rows_of(_list_batches(paths), params)),
    )


def _list_batches(paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
    columns = FeatureColumns(ParquetExampleGenParams.component, _ADVICE)
    for path, batch in ParquetFiles(ParquetExampleGenParams.component, paths).batches():
        yield columns.of(batch, path)
