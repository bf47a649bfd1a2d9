"""Imports serialized examples as they are, some thousand at a time."""

from functools import partial

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.import_example_gen import parquet_payload
from headrace_components.import_example_gen.params import PARQUET, ImportExampleGenParams
from headrace_components.import_example_gen.payloads import read_rows
from headrace_components.library.sources.from_files import (
    find_input,
    publish,
    write_files,
    write_rows,
)


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(ImportExampleGenParams, task.params, task.component)
    output = task.output("examples")
    found = find_input(params)
    is_parquet = params.payload_format == PARQUET
    if params.beam_pipeline_args:
        # Imported here: Beam takes seconds, which only those who ask for it are to wait.
        from headrace_components.import_example_gen import beam_engine

        beam_engine.write(params, found.files, output)
    elif is_parquet:
        write_files(params, found.files, partial(parquet_payload.write, output))
    else:
        write_rows(params, found.files, output, partial(read_rows, params))
    publish(
        params,
        found,
        output,
        payload_format=params.payload_format,
        # The names that TFX's `tfxio_utils` reads.
        file_format="FILE_FORMAT_PARQUET" if is_parquet else "tfrecords_gzip",
    )
