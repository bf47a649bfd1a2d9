"""Reads a database into examples, some thousand rows at a time."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.sources.from_queries import write_examples
from headrace_components.library.sources.python_values import arrow_batch
from headrace_components.library.sources.values import FeatureColumns
from headrace_components.query_example_gen.database import Database, open_database
from headrace_components.query_example_gen.params import QueryExampleGenParams

_ADVICE = "CAST or rename it in the query, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(QueryExampleGenParams, task.params, task.component)
    output = task.output("examples")
    if params.beam_pipeline_args:
        # Imported here: Beam takes seconds, which only those who ask for it are to wait.
        from headrace_components.query_example_gen import beam_engine

        beam_engine.write_examples(params, output)
        return
    with open_database(params.url) as database:
        write_examples(params, output, partial(list_batches, database))


def list_batches(database: Database, split: str, query: str) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a query as list columns.

    Args:
        database: The database, open.
        split: Name of the input split, for error messages.
        query: The query.

    Raises:
        InputError: The database refuses the query, or a column has no place in a tf.Example.
        PlatformError: The database is in trouble.
    """
    component = QueryExampleGenParams.component
    columns = FeatureColumns(component, _ADVICE)
    start = 0
    for names, values in database.batches(query):
        num_rows = len(values[0])
        place = f"rows {start} to {start + num_rows - 1} of input split {split!r}"
        yield columns.of(arrow_batch(component, names, values, place, _ADVICE), place)
        start += num_rows
