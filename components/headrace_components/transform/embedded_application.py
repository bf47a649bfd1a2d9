"""Transforms the rows in this process, and computes their statistics in the same pass."""

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa

from headrace_components.library.data import statistics
from headrace_components.library.data.examples import ExamplesWriter
from headrace_components.transform.application import ExampleForm, GraphApplication
from headrace_components.transform.requests import Summaries, TransformRequest


def transform(request: TransformRequest) -> Summaries:
    """Writes the transformed rows; returns the statistics of the rows before and after.

    Raises:
        InputError: Rows contradict the schema, or the graph does not run on them.
    """
    before = after = None
    if request.before is not None:
        before = statistics.compute(_raw(request), request.before)
    transformed = _transformed(request)
    if request.after is not None:
        after = statistics.compute(transformed, request.after)
    elif request.prefix is not None:
        deque(transformed, maxlen=0)  # runs the generator, which writes the files
    return Summaries(before=before, after=after)


def _raw(request: TransformRequest) -> Iterator[pa.RecordBatch]:
    result = request.result
    data = request.data.project(result.analyzed_columns | result.transformed_columns)
    for split in request.analyzed:
        yield from data.record_batches(split)


def _transformed(request: TransformRequest) -> Iterator[pa.RecordBatch]:
    """Yields the transformed rows, and writes them if they are wanted."""
    result, data = request.result, request.data
    if result.transformed_columns:
        data = data.project(result.transformed_columns)
    application = GraphApplication(
        f"{result.graph}/transform_fn", result.schema, data.columns, request.component
    )
    form = ExampleForm(result.schema)
    for split in request.splits:
        with ExitStack() as stack:
            writer = None
            if request.prefix is not None:
                path = request.output.path
                writer = stack.enter_context(ExamplesWriter(path, split, prefix=request.prefix))
            for batch in data.record_batches(split):
                transformed = application.transformed(batch, split)
                if writer is not None:
                    writer.write(form.of(transformed))
                yield transformed
