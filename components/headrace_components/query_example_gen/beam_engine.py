"""Reads a database on Beam: each query on one worker, which opens a connection of its own."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from headrace_components.example_gen.beam_engine import write_queries
from headrace_components.query_example_gen.database import open_database
from headrace_components.query_example_gen.executor import list_batches
from headrace_components.query_example_gen.params import QueryExampleGenParams
from headrace_components.task import Artifact


def write_examples(params: QueryExampleGenParams, output: Artifact) -> None:
    """Writes the rows of the queries; see `example_gen.from_queries.write_examples`."""
    write_queries(params, output, partial(_read_query, params.url))


def _read_query(url: str, split: str, query: str) -> Iterator[pa.RecordBatch]:
    with open_database(url) as database:
        yield from list_batches(database, split, query)
