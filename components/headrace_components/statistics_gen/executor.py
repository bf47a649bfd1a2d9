"""Computes statistics of every feature of every split."""

import json
import logging
import time
from collections.abc import Iterator
from functools import partial

import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.contract.errors import InputError
from headrace_components.contract.parameters import read
from headrace_components.contract.task import Artifact, Task
from headrace_components.library.data import (
    schemas,
    sequence_examples,
    splits,
    statistics,
    statistics_options,
)
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.statistics_gen.params import StatisticsGenParams
from headrace_components.statistics_gen.report import statistics_report

# Per row this takes a third less time than batches of 5,000. Larger batches save hardly any time,
# and need much memory for wide data.
_ROWS_PER_BATCH = 20_000

_PAYLOADS = ("FORMAT_TF_EXAMPLE", sequence_examples.PAYLOAD_FORMAT)


def execute(task: Task) -> None:
    """Writes `Split-<name>/FeatureStats.pb` under `statistics`, and the page `report`."""
    params = read(StatisticsGenParams, task.params, task.component)
    examples = task.input("examples")
    names = splits.selected(examples, params.exclude_splits)
    is_sequence = _payload(examples) == sequence_examples.PAYLOAD_FORMAT
    reader = ExamplesReader(examples.path, task.component)
    for name in names:
        reader.check_split(name)
    schema = task.optional_input("schema")
    options = statistics_options.options_from(
        {**params.stats_options, "sample_rate": params.sample_rate},
        schemas.read(schema.path) if schema else None,
    )
    batch_size = options.desired_batch_size or _ROWS_PER_BATCH
    output = task.output("statistics")
    started = time.monotonic()
    if params.beam_pipeline_args:
        # Imported late: TFDV imports Beam anyway, but our code for Beam is only needed here.
        from headrace_components.statistics_gen import beam_engine

        computed = beam_engine.compute(
            task,
            params.beam_pipeline_args,
            reader,
            names,
            options,
            batch_size,
            is_sequence=is_sequence,
        )
    else:
        batches = partial(_sequences, reader) if is_sequence else reader.record_batches
        computed = {
            name: statistics.compute(batches(name, batch_size=batch_size), options)
            for name in names
        }
    logging.info("Computed in %.1f s.", time.monotonic() - started)
    for name, result in computed.items():
        _log(name, result.datasets[0])
        statistics.write(result, splits.directory(output, name))
    splits.describe(examples, output, names)
    output.metadata["sample_rate_by_split"] = json.dumps(dict.fromkeys(names, params.sample_rate))
    task.output("report").path.write_bytes(statistics_report(computed))


def _payload(examples: Artifact) -> str:
    payload: str = examples.metadata.get("payload_format", _PAYLOADS[0])
    if payload not in _PAYLOADS:
        raise InputError(
            f"`examples` has payload format {payload!r}, expected one of "
            f"{list(_PAYLOADS)}. Connect an ExampleGen that writes tf.Examples."
        )
    return payload


def _sequences(reader: ExamplesReader, split: str, *, batch_size: int) -> Iterator[pa.RecordBatch]:
    for records in reader.serialized(split, batch_size=batch_size):
        yield sequence_examples.decode_sequences(records)


def _log(split: str, dataset: statistics_pb2.DatasetFeatureStatistics) -> None:
    rows = dataset.num_examples
    if not rows:
        logging.warning("Split %r has no rows, so its statistics are empty.", split)
        return
    logging.info("Split %r: %d rows, %d features.", split, rows, len(dataset.features))
