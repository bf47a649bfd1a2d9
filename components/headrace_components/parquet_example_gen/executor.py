"""Reads Parquet files into examples, some thousand rows at a time."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.sources.from_files import find_input, publish, write_rows
from headrace_components.library.sources.parquet_files import ParquetFiles
from headrace_components.library.sources.values import FeatureColumns
from headrace_components.library.sources.writing import rows_of
from headrace_components.parquet_example_gen.params import ParquetExampleGenParams

ADVICE = "Change the column where the file is written, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(ParquetExampleGenParams, task.params, task.component)
    output = task.output("examples")
    found = find_input(params)
    if params.beam_pipeline_args:
        # Imported here: Beam takes seconds, which only those who ask for it are to wait.
        from headrace_components.parquet_example_gen import beam_engine

        beam_engine.write(params, found.files, output)
    else:
        write_rows(params, found.files, output, lambda paths: rows_of(_list_batches(paths), params))
    publish(params, found, output)


def _list_batches(paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
    columns = FeatureColumns(ParquetExampleGenParams.component, ADVICE)
    for path, batch in ParquetFiles(ParquetExampleGenParams.component, paths).batches():
        yield columns.of(batch, path)
