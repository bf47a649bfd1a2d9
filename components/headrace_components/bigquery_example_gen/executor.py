"""Reads BigQuery into examples, some thousand rows at a time."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from headrace_components.bigquery_example_gen.bigquery import BigQuery, open_bigquery
from headrace_components.bigquery_example_gen.params import BigqueryExampleGenParams
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Task
from headrace_components.library.sources.from_queries import write_examples
from headrace_components.library.sources.values import FeatureColumns

_ADVICE = "CAST or rename it in the query, or leave it out."


def execute(task: Task) -> None:
    """Writes one split per output split, or per input split, under the `examples` output."""
    params = read(BigqueryExampleGenParams, task.params, task.component)
    output = task.output("examples")
    if params.beam_pipeline_args:
        # Imported here: Beam takes seconds, which only those who ask for it are to wait.
        from headrace_components.bigquery_example_gen import beam_engine

        beam_engine.write_examples(params, output)
        return
    with open_bigquery(params) as source:
        write_examples(params, output, partial(list_batches, source))


def list_batches(source: BigQuery, split: str, query: str) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a query as list columns.

    Args:
        source: BigQuery, open.
        split: Name of the input split, for error messages.
        query: The query.

    Raises:
        InputError: BigQuery refuses the query, or a column has no place in a tf.Example.
        PlatformError: BigQuery does not answer, or does not let this task in.
    """
    columns = FeatureColumns(BigqueryExampleGenParams.component, _ADVICE)
    start = 0
    for batch in source.batches(split, query):
        place = f"rows {start} to {start + batch.num_rows - 1} of input split {split!r}"
        yield columns.of(batch, place)
        start += batch.num_rows
