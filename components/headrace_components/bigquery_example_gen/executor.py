"""Reads BigQuery into examples, some thousand rows at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa

from headrace_components.bigquery_example_gen.bigquery import BigQuery, open_bigquery
from headrace_components.bigquery_example_gen.params import BigqueryExampleGenParams
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.sources import from_queries
from headrace_components.library.sources.source import QuerySource, Read
from headrace_components.library.sources.values import FeatureColumns

_ADVICE = "CAST or rename it in the query, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(BigqueryExampleGenParams, task.params, task.component)
    from_queries.write(params, task.output("examples"), BigQuerySource(params))


class BigQuerySource(QuerySource):
    """Blocks are list columns. On Beam, each worker opens its own connection."""

    def __init__(self, params: BigqueryExampleGenParams) -> None:
        super().__init__(params)
        self._params = params

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Opens BigQuery."""
        with open_bigquery(self._params) as service:
            yield partial(_list_batches, service)


def _list_batches(
    service: BigQuery, split: str, queries: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    columns = FeatureColumns(_ADVICE)
    start = 0
    for query in queries:
        for batch in service.batches(split, query):
            place = f"rows {start} to {start + batch.num_rows - 1} of input split {split!r}"
            yield columns.of(batch, place)
            start += batch.num_rows
