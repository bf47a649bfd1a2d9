"""Makes examples of the rows of queries, as every source that reads a database does."""

from collections.abc import Callable, Iterable

import pyarrow as pa

from headrace_components.contract.errors import InputError
from headrace_components.contract.task import Artifact
from headrace_components.library.data import examples_record
from headrace_components.library.data.examples import examples_metadata
from headrace_components.library.sources.query_params import QueryParams
from headrace_components.library.sources.writing import rows_of, write_splits

ReadQuery = Callable[[str, str], Iterable[pa.RecordBatch]]
"""Returns rows as list columns, given the name of an input split and its query."""


def write_examples(params: QueryParams, output: Artifact, read_query: ReadQuery) -> None:
    """Writes the rows of the queries that the parameters hold, and what is known of them.

    Args:
        params: The queries, and how to divide and write their rows.
        output: The Examples artifact.
        read_query: How to run a query.

    Raises:
        InputError: A query returns no rows.
    """
    for name, query in params.queries.items():
        rows = rows_of(read_query(name, query), params)
        if not write_splits(rows, params.shares_of(name), output.path, params):
            raise no_rows(params, name)
    publish(params, output)


def no_rows(params: QueryParams, split: str) -> InputError:
    """Returns the error that says that the query of an input split returned no rows."""
    return InputError(
        f"{params.component}: the query of input split {split!r} returned no rows, expected at "
        "least one. Check its condition, and the span if it has one."
    )


def publish(params: QueryParams, output: Artifact) -> None:
    """Gives the Examples artifact its metadata."""
    metadata = examples_metadata(params.split_names, span=params.only_span or 0)
    examples_record.publish(output, metadata)
