"""Reads a database into examples, some thousand rows at a time."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa

from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.sources import from_queries
from headrace_components.library.sources.python_values import arrow_batch
from headrace_components.library.sources.source import QuerySource, Read
from headrace_components.library.sources.values import FeatureColumns
from headrace_components.query_example_gen.database import Database, open_database
from headrace_components.query_example_gen.params import QueryExampleGenParams

_ADVICE = "CAST or rename it in the query, or leave it out."

# A path with a variable is completed when the database is opened.
_SQLITE_PATH = re.compile(r"^(sqlite(?:\+\w+)?:///)(?!:memory:|file:)([^/?${}][^?${}]*)")


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(QueryExampleGenParams, task.params, task.component)
    from_queries.write(params, task.output("examples"), DatabaseSource(params))


class DatabaseSource(QuerySource):
    """Blocks are list columns. On Beam, each worker opens its own connection."""

    def __init__(self, params: QueryExampleGenParams) -> None:
        super().__init__(params)
        self._url = params.url
        if params.beam_pipeline_args:  # workers have another working directory
            self._url = _SQLITE_PATH.sub(
                lambda found: f"{found[1]}{Path(found[2]).absolute()}", self._url
            )

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Opens the database."""
        with open_database(self._url) as database:
            yield partial(_list_batches, database)


def _list_batches(
    database: Database, split: str, queries: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    columns = FeatureColumns(_ADVICE)
    start = 0
    for query in queries:
        for names, values in database.batches(query):
            num_rows = len(values[0])
            place = f"rows {start} to {start + num_rows - 1} of input split {split!r}"
            yield columns.of(arrow_batch(names, values, place, _ADVICE), place)
            start += num_rows
