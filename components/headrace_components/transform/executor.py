"""Analyzes the rows, writes the transform as a graph, and applies it."""

import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import (
    ExamplesToRecordBatchDecoder,
    RecordBatchToExamplesEncoder,
)

from headrace_components.data import schemas, splits
from headrace_components.data.examples import ExamplesReader, ExamplesWriter, examples_metadata
from headrace_components.errors import InputError
from headrace_components.parameters import read
from headrace_components.task import Task
from headrace_components.transform import statistics_outputs, user_functions
from headrace_components.transform.analysis import AnalysisRequest, AnalysisResult, analyze
from headrace_components.transform.application import GraphApplication
from headrace_components.transform.params import TransformParams
from headrace_components.transform.raw_data import RawData
from headrace_components.transform.user_functions import PreprocessingFn

_TF_EXAMPLE = "FORMAT_TF_EXAMPLE"


def execute(task: Task) -> None:
    """Writes the transform graph, and what the parameters ask for besides."""
    params = read(TransformParams, task.params, task.component)
    functions = user_functions.load(params, task.component)
    schema = schemas.read(task.input("schema").path, task.component)
    _check_payload(task)
    reader = ExamplesReader(task.input("examples").path, task.component)
    data = RawData(reader, schema, task.component)
    to_analyze, to_transform = _splits(params, task, reader)

    result = _analyze(params, task, functions.preprocessing_fn, data, to_analyze)
    schemas.write(schema, task.output("transform_graph").path / "metadata")

    updater = functions.stats_options_updater_fn
    if not params.disable_statistics:
        columns = result.analyzed_columns | result.transformed_columns
        batches = _raw_batches(data.project(columns), to_analyze)
        statistics_outputs.write_before(task, batches, schema, updater)

    transformed = _transform(params, task, data, to_transform, result)
    if not params.disable_statistics:
        vocabularies = _vocabularies(task, result)
        statistics_outputs.write_after(task, transformed, result.schema, vocabularies, updater)
    elif params.materialize:
        deque(transformed, maxlen=0)  # for what it writes
    _describe(params, task, to_transform)


def _check_payload(task: Task) -> None:
    # A SequenceExample would parse as a tf.Example, and its sequences would be lost in silence.
    payload = task.input("examples").metadata.get("payload_format", _TF_EXAMPLE)
    if payload != _TF_EXAMPLE:
        raise InputError(
            f"{task.component}: the payload format of `examples` is {payload}, expected "
            f"{_TF_EXAMPLE}. Connect examples that hold tf.Examples, as csv_example_gen makes them."
        )


def _splits(
    params: TransformParams, task: Task, reader: ExamplesReader
) -> tuple[Sequence[str], Sequence[str]]:
    """Returns the names of the splits to analyze and to transform."""
    if params.splits_config:
        to_analyze = tuple(params.splits_config["analyze"])
        to_transform = tuple(params.splits_config.get("transform", ()))
    else:
        to_analyze = ("train",)
        to_transform = splits.selected(task.input("examples"), (), task.component)
    for split in (*to_analyze, *to_transform):
        if split not in reader.split_names:
            raise InputError(
                f"{task.component}: split {split!r} is not in `examples`, which has "
                f"{list(reader.split_names)}. Name the splits to analyze and to transform in "
                '`splits_config`, as {"analyze": ["train"], "transform": ["train", "eval"]}.'
            )
    return to_analyze, to_transform


def _analyze(
    params: TransformParams,
    task: Task,
    function: PreprocessingFn,
    data: RawData,
    names: Sequence[str],
) -> AnalysisResult:
    cache_input = task.optional_input("analyzer_cache")
    cache_output = task.output("updated_analyzer_cache").path
    uri = task.input("examples").uri
    with tempfile.TemporaryDirectory(prefix="headrace-transform-") as temp_dir:
        return analyze(
            AnalysisRequest(
                component=task.component,
                function=function,
                data=data,
                splits=names,
                patterns={name: f"{uri}/Split-{name}/*" for name in names},
                graph=task.output("transform_graph").path,
                cache_input=cache_input.path if cache_input else None,
                cache_output=None if params.disable_analyzer_cache else cache_output,
                force_tf_compat_v1=params.force_tf_compat_v1,
                temp_dir=temp_dir,
            )
        )


def _raw_batches(data: RawData, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for name in names:
        yield from data.record_batches(name)


def _transform(
    params: TransformParams,
    task: Task,
    data: RawData,
    names: Sequence[str],
    result: AnalysisResult,
) -> Iterator[pa.RecordBatch]:
    """Yields the transformed rows, and writes them on the way where they are to be kept."""
    graph = task.output("transform_graph").path / "transform_fn"
    columns = data.project(result.transformed_columns) if result.transformed_columns else data
    application = GraphApplication(graph, result.schema, columns, task.component)
    for name in names:
        if not params.materialize:
            yield from application.batches(name)
            continue
        output = task.output("transformed_examples").path
        with ExamplesWriter(output, name, prefix="transformed_examples") as writer:
            write = _BatchWriter(writer, result.schema)
            for batch in application.batches(name):
                write(batch)
                yield batch


class _BatchWriter:
    """Writes transformed rows as the schema says tf.Examples hold them."""

    def __init__(self, writer: ExamplesWriter, schema: schema_pb2.Schema) -> None:
        self._writer = writer
        self._encoder = RecordBatchToExamplesEncoder(schema)
        self._decoder = ExamplesToRecordBatchDecoder()

    def __call__(self, batch: pa.RecordBatch) -> None:
        if all(not pa.types.is_nested(field.type.value_type) for field in batch.schema):
            self._writer.write(batch)
            return
        # A ragged feature is several features of a tf.Example: its values and its row lengths.
        serialized = self._encoder.encode(batch)
        self._writer.write(self._decoder.DecodeBatch(serialized), serialized)


def _vocabularies(task: Task, result: AnalysisResult) -> dict[str, Path]:
    assets = task.output("transform_graph").path / "transform_fn" / "assets"
    return {name: assets / file for name, file in result.asset_map.items()}


def _describe(params: TransformParams, task: Task, names: Sequence[str]) -> None:
    span = int(task.input("examples").metadata.get("span", 0))
    written = names if params.materialize else ()
    task.output("transformed_examples").metadata.update(examples_metadata(written, span=span))
