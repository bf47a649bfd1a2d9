"""Reads CSV files into examples, a block of rows at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.csv_example_gen.csv_files import CsvFile
from headrace_components.csv_example_gen.csv_types import (
    ColumnTypes,
    FileSurvey,
    check_headers,
    column_types,
)
from headrace_components.csv_example_gen.params import CsvExampleGenParams
from headrace_components.library.sources import from_files
from headrace_components.library.sources.source import Agreement, Facts, TableSource


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(CsvExampleGenParams, task.params, task.component)
    from_files.write(params, task.output("examples"), CsvSource(params))


class CsvSource(TableSource):
    """Blocks are string columns. Their types are known after all files are read."""

    agrees_first = True

    def __init__(self, params: CsvExampleGenParams) -> None:
        super().__init__(params)
        self._delimiter = params.delimiter
        self._column_types = params.column_types

    def read(self, split: str, addresses: Sequence[str]) -> Iterator[Any]:
        """Yields blocks and surveys of the files."""
        files = [CsvFile(address, self._delimiter) for address in addresses]
        check_headers(files)
        for file in files:
            survey = FileSurvey(file)
            yield from survey.read()
            yield Facts(value=survey)

    def agree(self, facts: Sequence[FileSurvey]) -> Agreement:
        """Returns the types of the columns."""
        check_headers([survey.file for survey in facts])
        types = column_types(facts, self._column_types)
        return Agreement(value=types, warnings=types.warnings)

    def reread(self, facts: Sequence[FileSurvey]) -> Iterator[pa.RecordBatch]:
        """Yields the blocks of the files, which are not inferred again."""
        for survey in facts:
            yield from survey.file.blocks()

    def columns(self, block: pa.RecordBatch, agreed: ColumnTypes) -> pa.RecordBatch:
        """Returns a block as list columns of the types that all files agree on."""
        return agreed.lists_of(block)
