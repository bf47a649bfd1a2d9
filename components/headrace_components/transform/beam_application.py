"""Transforms the rows on Beam like the embedded engine, and computes their statistics."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2

from headrace_components.library.beam import job, locations
from headrace_components.library.beam.examples import SplitRows, WriteShards, finish
from headrace_components.library.beam.statistics import ComputeStatistics, by_part
from headrace_components.transform.application import ExampleForm, GraphApplication
from headrace_components.transform.beam_rows import ReadRaw
from headrace_components.transform.raw_data import RawColumns
from headrace_components.transform.requests import Summaries, TransformRequest


def transform(request: TransformRequest) -> Summaries:
    """Writes the transformed rows; returns the statistics of the rows before and after.

    Raises:
        InputError: Rows contradict the schema, or the graph does not run on them.
    """
    if request.before is None and request.after is None and request.prefix is None:
        return Summaries(before=None, after=None)

    def build(running: job.Job) -> Callable[[], Any]:
        raw = _raw(running, request)
        transformed = _transformed(request, raw)
        before: Callable[[], Any] = _nothing
        after: Callable[[], Any] = _nothing
        if request.before is not None:
            before = _statistics(running, "Before", _analyzed(request, raw), request.before)
        if request.after is not None:
            after = _statistics(running, "After", transformed, request.after)
        write = _nothing if request.prefix is None else _written(running, request, transformed)

        def afterwards() -> Summaries:
            write()
            return Summaries(before=before(), after=after())

        return afterwards

    found: Summaries = job.run(request.component, request.beam_args, request.output, build)
    return found


def _nothing() -> None:
    return None


def _raw(running: job.Job, request: TransformRequest) -> Mapping[str, Any]:
    """Returns the rows of each split that is analyzed or transformed, each read once."""
    where = running.location(request.examples)
    names = request.result.analyzed_columns | request.result.transformed_columns
    columns = request.data.columns.project(names) if names else request.data.columns
    analyzed = request.analyzed if request.before is not None else ()
    return {
        split: running.pipeline
        | f"Read[{split}]" >> ReadRaw(request.data.reader, columns, split, where)
        for split in dict.fromkeys((*analyzed, *request.splits))
    }


def _analyzed(request: TransformRequest, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return {split: raw[split] for split in request.analyzed}


def _transformed(request: TransformRequest, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    graph = locations.join(request.result.graph, "transform_fn")
    names, columns = request.result.transformed_columns, request.data.columns
    fed = columns.project(names) if names else columns
    return {
        split: raw[split]
        | f"Transform[{split}]"
        >> beam.ParDo(_Transform(graph, request.result.schema, fed, split, request.component))
        for split in request.splits
    }


class _Transform(beam.DoFn):
    def __init__(
        self,
        transform_fn: str,
        schema: schema_pb2.Schema,
        columns: RawColumns,
        split: str,
        component: str,
    ) -> None:
        self._transform_fn = transform_fn
        self._schema = schema
        self._columns = columns
        self._split = split
        self._component = component
        self._application: GraphApplication | None = None

    def process(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        if self._application is None:
            self._application = GraphApplication(
                self._transform_fn, self._schema, self._columns, self._component
            )
        converted = self._columns.converted(batch, self._split)
        yield self._application.transformed(converted, self._split)


def _statistics(
    running: job.Job,
    name: str,
    rows: Mapping[str, Any],
    options: tfdv.StatsOptions,
) -> Callable[[], Any]:
    flat = tuple(rows.values()) | f"{name}/AllSplits" >> beam.Flatten(pipeline=running.pipeline)
    found = running.gather({name: flat} | f"{name}/Statistics" >> ComputeStatistics(options))
    return lambda: by_part(found()[0], [name])[name]


def _written(
    running: job.Job, request: TransformRequest, transformed: Mapping[str, Any]
) -> Callable[[], Any]:
    prefix = request.prefix or ""
    rows = tuple(
        batches | f"Form[{split}]" >> beam.ParDo(_Form(request.result.schema, split))
        for split, batches in transformed.items()
    )
    shards = running.gather(
        rows
        | "Write/AllSplits" >> beam.Flatten(pipeline=running.pipeline)
        | "Write" >> WriteShards(running.scratch, prefix=prefix)
    )
    target = running.location(request.output)
    return lambda: finish(shards(), request.splits, target, prefix=prefix)


class _Form(beam.DoFn):
    def __init__(self, schema: schema_pb2.Schema, split: str) -> None:
        self._schema = schema
        self._split = split
        self._form: ExampleForm | None = None

    def process(self, batch: pa.RecordBatch) -> Iterator[SplitRows]:
        if self._form is None:
            self._form = ExampleForm(self._schema)
        yield SplitRows(split=self._split, records=None, batch=self._form.of(batch))
