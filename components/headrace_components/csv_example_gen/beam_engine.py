"""Reads CSV files on Beam: each once, on one worker."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from headrace_components.contract.task import Artifact
from headrace_components.csv_example_gen.csv_files import CsvFile
from headrace_components.csv_example_gen.csv_types import (
    ColumnTypes,
    Survey,
    check_headers,
    column_types,
)
from headrace_components.csv_example_gen.params import CsvExampleGenParams
from headrace_components.library.sources.beam_engine import write_files
from headrace_components.library.sources.beam_sources import Agreement, Facts, TableSource


def write(
    params: CsvExampleGenParams, files: Mapping[str, Sequence[str]], output: Artifact
) -> None:
    """Writes the files of each input split; see `example_gen.beam_engine.write_files`."""
    write_files(params, files, output, _CsvSource(params))


class _CsvSource(TableSource):
    """Blocks are string columns; what they hold is known when all files were read."""

    def __init__(self, params: CsvExampleGenParams) -> None:
        super().__init__(params)
        self._delimiter = params.delimiter
        self._column_types = params.column_types

    def read(self, split: str, address: str) -> Iterator[Any]:
        file = CsvFile(address, self._delimiter)
        survey = Survey(file)
        yield from survey.read(file)
        yield Facts(value=survey)

    def agree(self, facts: Mapping[str, Survey]) -> Agreement:
        surveys = list(facts.values())
        check_headers(surveys)
        types = column_types(surveys, self._delimiter, self._column_types)
        return Agreement(value=types, warnings=types.warnings)

    def columns(self, block: pa.RecordBatch, agreed: ColumnTypes) -> pa.RecordBatch:
        return agreed.lists_of(block)
