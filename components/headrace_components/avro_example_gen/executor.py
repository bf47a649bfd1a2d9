"""Reads Avro files into examples, some thousand rows at a time."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from headrace_components.avro_example_gen import avro_files
from headrace_components.avro_example_gen.params import AvroExampleGenParams
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.sources.from_files import find_input, publish, write_rows
from headrace_components.library.sources.values import FeatureColumns
from headrace_components.library.sources.writing import rows_of

ADVICE = "Change the field where the file is written, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(AvroExampleGenParams, task.params, task.component)
    output = task.output("examples")
    found = find_input(params)
    if params.beam_pipeline_args:
        # Imported here: Beam takes seconds, which only those who ask for it are to wait.
        from headrace_components.avro_example_gen import beam_engine

        beam_engine.write(params, found.files, output)
    else:
        write_rows(params, found.files, output, lambda paths: rows_of(_list_batches(paths), params))
    publish(params, found, output)


def _list_batches(paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
    columns = FeatureColumns(AvroExampleGenParams.component, ADVICE)
    for path, batch in avro_files.batches(paths, ADVICE):
        yield columns.of(batch, path)
