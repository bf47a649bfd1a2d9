"""Reads BigQuery on Beam: each query on one worker, which opens a connection of its own."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from headrace_components.bigquery_example_gen.bigquery import open_bigquery
from headrace_components.bigquery_example_gen.executor import list_batches
from headrace_components.bigquery_example_gen.params import BigqueryExampleGenParams
from headrace_components.contract.task import Artifact
from headrace_components.library.sources.beam_engine import write_queries


def write_examples(params: BigqueryExampleGenParams, output: Artifact) -> None:
    """Writes the rows of the queries; see `example_gen.from_queries.write_examples`."""
    write_queries(params, output, partial(_read_query, params))


def _read_query(
    params: BigqueryExampleGenParams, split: str, query: str
) -> Iterator[pa.RecordBatch]:
    with open_bigquery(params) as source:
        yield from list_batches(source, split, query)
