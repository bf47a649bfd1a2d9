"""Imports serialized examples unchanged, some thousand at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.import_example_gen import parquet_payload
from headrace_components.import_example_gen.params import EXAMPLE, PARQUET, ImportExampleGenParams
from headrace_components.import_example_gen.parquet_payload import ParquetRows
from headrace_components.import_example_gen.payloads import Records, read_records, rows_of
from headrace_components.library.sources import engines
from headrace_components.library.sources.from_files import find_input, publish
from headrace_components.library.sources.rows import DecodedRows
from headrace_components.library.sources.source import RowSource


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(ImportExampleGenParams, task.params, task.component)
    output = task.output("examples")
    found = find_input(params)
    is_parquet = params.payload_format == PARQUET
    if not is_parquet:
        engines.write(params, found.files, output, RecordSource(params))
    elif params.beam_pipeline_args:
        # Imported here: the import of Beam takes seconds, and only few tasks need it.
        from headrace_components.import_example_gen import parquet_on_beam

        parquet_on_beam.write(params, found.files, output, ParquetRows(params))
    else:
        parquet_payload.write(params, found.files, output, ParquetRows(params))
    publish(
        params,
        found,
        output,
        payload_format=params.payload_format,
        # The names that TFX's `tfxio_utils` reads.
        file_format="FILE_FORMAT_PARQUET" if is_parquet else "tfrecords_gzip",
    )


class RecordSource(RowSource):
    """Blocks are `Records`, which do not depend on other files."""

    def __init__(self, params: ImportExampleGenParams) -> None:
        super().__init__(params)
        self._params = params
        if params.payload_format != EXAMPLE:
            self.column = ""  # each record is checked when it is divided

    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Records]:
        """Yields records of the files, one file after the other."""
        for address in addresses:
            yield from read_records(address)

    def rows(self, block: Records, agreed: Any) -> DecodedRows:
        """Returns unchanged records, and the keys that decide on their splits."""
        return rows_of(self._params, block)
