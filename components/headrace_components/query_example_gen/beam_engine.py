"""Reads a database on Beam: each query on one worker, which opens a connection of its own."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from headrace_components.contract.task import Artifact
from headrace_components.library.sources.beam_engine import write_queries
from headrace_components.query_example_gen.database import open_database
from headrace_components.query_example_gen.executor import list_batches
from headrace_components.query_example_gen.params import QueryExampleGenParams

# A path with a variable in it is the worker's to know.
_SQLITE_PATH = re.compile(r"^(sqlite(?:\+\w+)?:///)(?!:memory:|file:)([^/?${}][^?${}]*)")


def write_examples(params: QueryExampleGenParams, output: Artifact) -> None:
    """Writes the rows of the queries; see `example_gen.from_queries.write_examples`."""
    # Workers have a working directory of their own.
    url = _SQLITE_PATH.sub(lambda found: f"{found[1]}{Path(found[2]).absolute()}", params.url)
    write_queries(params, output, partial(_read_query, url))


def _read_query(url: str, split: str, query: str) -> Iterator[pa.RecordBatch]:
    with open_database(url) as database:
        yield from list_batches(database, split, query)
