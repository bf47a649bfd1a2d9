"""Predicts rows on Beam; each worker loads the model once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.utils.shared import Shared

from headrace_components.bulk_inferrer import output_columns, prediction_logs
from headrace_components.bulk_inferrer.params import BulkInferrerParams, OutputColumns
from headrace_components.bulk_inferrer.predictor import BATCH_ROWS, Called, Predictor
from headrace_components.contract.task import Artifact, Task
from headrace_components.library.beam import job, locations, tensorflow_files
from headrace_components.library.beam.bundles import name_finally
from headrace_components.library.beam.examples import (
    ReadPairs,
    ReadRecords,
    Shard,
    SplitRows,
    WriteShards,
    finish,
)
from headrace_components.library.data.columnar import numbered
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.tfrecord import TFRecordWriter

_COMPONENT = "bulk_inferrer"

Specs = Mapping[str, OutputColumns]


def predict(
    task: Task,
    params: BulkInferrerParams,
    model: Called,
    specs: Specs,
    readers: Sequence[ExamplesReader],
    splits: Sequence[str],
) -> int:
    """Writes the same as the embedded engine, but in several files, and returns the number of rows.

    Args:
        task: Has the inputs and outputs.
        params: Has Beam's options.
        model: The model and the signatures to call.
        specs: Columns to add by signature; empty for prediction logs.
        readers: The examples, opened.
        splits: Splits to predict.
    """
    target = task.output("output_examples" if specs else "inference_result")
    prefix = output_columns.FILE_PREFIX if specs else prediction_logs.FILE_PREFIX

    def build(running: job.Job) -> Callable[[], int]:
        shards = running.gather(
            _rows(running, task, readers, splits, has_batches=bool(specs))
            | "Predict" >> beam.ParDo(_Predict(model, _location(running, task, model), specs))
            | WriteShards(running.scratch, prefix=prefix)
        )
        location = running.location(target)
        if not specs:
            return lambda: _finish_logs(shards(), target, location)
        return lambda: sum(finish(shards(), splits, location, prefix=prefix).values())

    num_rows: int = job.run(_COMPONENT, params.beam_pipeline_args, target, build)
    return num_rows


def _location(running: job.Job, task: Task, model: Called) -> str:
    artifact = task.input("model")
    location = locations.join(
        running.location(artifact), *model.folder.relative_to(artifact.path).parts
    )
    return tensorflow_files.checked(location)


def _rows(
    running: job.Job,
    task: Task,
    readers: Sequence[ExamplesReader],
    splits: Sequence[str],
    *,
    has_batches: bool,
) -> Any:
    """Returns triples: a split, its rows as list columns or None, and its rows as records."""
    read = ReadPairs if has_batches else ReadRecords
    rows = []
    for index, (artifact, reader) in enumerate(zip(task.inputs["examples"], readers, strict=True)):
        for split in splits:
            if split in reader.split_names:
                location = running.location(artifact)
                source = read(reader, split, location, batch_size=BATCH_ROWS)
                name = f"{index}, {split}"
                rows.append(
                    running.pipeline
                    | f"Read[{name}]" >> source
                    | f"Of[{name}]" >> beam.Map(_with_split, split)
                )
    return rows | beam.Flatten()


def _with_split(
    rows: tuple[pa.RecordBatch, list[bytes]] | list[bytes], split: str
) -> tuple[str, pa.RecordBatch | None, list[bytes]]:
    batch, records = rows if isinstance(rows, tuple) else (None, rows)
    return split, batch, records


class _Predict(beam.DoFn):
    """Gives the rows to write: logs without list columns, or list columns alone."""

    _predictor: Predictor

    def __init__(self, model: Called, location: str, specs: Specs) -> None:
        self._model = model
        self._location = location
        self._specs = specs
        self._shared = Shared()  # by all threads of a worker

    def setup(self) -> None:
        self._predictor = self._shared.acquire(lambda: Predictor(self._model, self._location))

    def process(self, rows: tuple[str, pa.RecordBatch | None, list[bytes]]) -> Iterator[SplitRows]:
        split, batch, records = rows
        if batch is None:
            yield SplitRows(split=split, records=self._predictor.logs(records), batch=None)
        else:
            outputs = self._predictor.predict(records)
            added = output_columns.added(batch, self._specs, outputs)
            yield SplitRows(split=split, records=None, batch=added)


def _finish_logs(shards: Sequence[Shard], target: Artifact, location: str) -> int:
    """Gives all files their names. Logs have no split, so they are in one directory."""
    files = [
        locations.join(shard.directory, f"Split-{shard.split}", file.name)
        for shard in shards
        for file in shard.manifest.tfrecords
    ]
    prefix = prediction_logs.FILE_PREFIX
    name_finally(files, location, prefix, ".gz")
    if not files:
        with TFRecordWriter(target.path / numbered(prefix, ".gz", 0)):
            pass
    return sum(shard.manifest.num_rows for shard in shards)
