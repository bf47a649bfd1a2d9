"""Reads CSV files into examples, a block of rows at a time."""

import logging
from collections.abc import Iterable, Sequence
from functools import partial

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.csv_example_gen.csv_files import CsvFile
from headrace_components.csv_example_gen.csv_types import Survey, check_headers, column_types
from headrace_components.csv_example_gen.params import CsvExampleGenParams
from headrace_components.library.sources.from_files import find_input, publish, write_rows
from headrace_components.library.sources.writing import Rows, rows_of


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(CsvExampleGenParams, task.params, task.component)
    output = task.output("examples")
    found = find_input(params)
    if params.beam_pipeline_args:
        # Imported here: Beam takes seconds, which only those who ask for it are to wait.
        from headrace_components.csv_example_gen import beam_engine

        beam_engine.write(params, found.files, output)
    else:
        write_rows(params, found.files, output, partial(_read_rows, params))
    publish(params, found, output)


def _read_rows(params: CsvExampleGenParams, paths: Sequence[str]) -> Iterable[Rows]:
    files = [CsvFile(path, params.delimiter) for path in paths]
    check_headers(files)
    types = column_types([_survey(file) for file in files], params.delimiter, params.column_types)
    for warning in types.warnings:
        logging.warning("%s", warning)
    blocks = (block for file in files for block in file.blocks())
    return rows_of(map(types.lists_of, blocks), params)


def _survey(file: CsvFile) -> Survey:
    """Reads a file once, to its end."""
    survey = Survey(file)
    for _ in survey.read(file):
        pass
    return survey
