"""Imports serialized examples as they are, without Beam or TensorFlow, some thousand at a time."""

from functools import partial

from headrace_components.example_gen.from_files import rows_writer, write_examples
from headrace_components.import_example_gen import parquet_payload
from headrace_components.import_example_gen.params import PARQUET, ImportExampleGenParams
from headrace_components.import_example_gen.payloads import read_rows
from headrace_components.parameters import read
from headrace_components.task import Task


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(ImportExampleGenParams, task.params, task.component)
    is_parquet = params.payload_format == PARQUET
    write_examples(
        params,
        task.output("examples"),
        parquet_payload.write if is_parquet else rows_writer(params, partial(read_rows, params)),
        payload_format=params.payload_format,
        # The names that TFX's `tfxio_utils` reads.
        file_format="FILE_FORMAT_PARQUET" if is_parquet else "tfrecords_gzip",
    )
