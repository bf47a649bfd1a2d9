"""Reads CSV files into examples without Beam or TensorFlow, a block of rows at a time."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import pyarrow as pa

from headrace_components.csv_example_gen.csv_columns import ColumnType, Inference, as_lists
from headrace_components.csv_example_gen.csv_files import CsvFiles
from headrace_components.csv_example_gen.params import CsvExampleGenParams
from headrace_components.errors import InputError
from headrace_components.example_gen.from_files import rows_writer, write_examples
from headrace_components.example_gen.writing import Rows, rows_of
from headrace_components.parameters import read
from headrace_components.task import Task


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(CsvExampleGenParams, task.params, task.component)
    write_examples(
        params, task.output("examples"), rows_writer(params, partial(_read_rows, params))
    )


def _read_rows(params: CsvExampleGenParams, paths: Sequence[str]) -> Iterable[Rows]:
    files = CsvFiles(paths, params.delimiter)
    types = _infer_types(files)
    return rows_of(_list_batches(files, types), params)


def _infer_types(files: CsvFiles) -> dict[str, ColumnType]:
    """Reads all files once and returns the type of each column."""
    inferences = {name: Inference() for name in files.column_names}
    num_rows = 0
    for block in files.blocks():
        for name, cells in zip(block.schema.names, block.columns, strict=True):
            inferences[name].add(cells, num_rows)
        num_rows += block.num_rows
    files.check_quotes()
    if not num_rows:
        raise InputError(
            f"csv_example_gen: {', '.join(files.paths)}: a header but no rows, expected at least "
            "one. Check the input pattern and what writes the files."
        )
    for name, inference in inferences.items():
        if inference.mixed_at is not None:
            logging.warning(
                "csv_example_gen: column %r holds numbers and text, so all of it is text: the "
                "first text after a number is at %s. Leave a missing value empty to keep the "
                "column a number.",
                name,
                files.place_of(inference.mixed_at),
            )
        elif inference.type == ColumnType.UNKNOWN:
            logging.warning("csv_example_gen: column %r is empty in every row.", name)
    return {name: inference.type for name, inference in inferences.items()}


def _list_batches(files: CsvFiles, types: Mapping[str, ColumnType]) -> Iterator[pa.RecordBatch]:
    names = sorted(types)
    for block in files.blocks():
        columns = [
            as_lists(block.column(block.schema.get_field_index(name)), types[name])
            for name in names
        ]
        yield pa.RecordBatch.from_arrays(columns, names)
