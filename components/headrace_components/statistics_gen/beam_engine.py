"""Computes statistics with TFDV on Beam."""

from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
from tensorflow_data_validation.statistics.stats_options import StatsOptions
from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.contract.task import Task
from headrace_components.library.beam import job
from headrace_components.library.beam.examples import ReadRecordBatches, ReadRecords
from headrace_components.library.beam.statistics import ComputeStatistics, by_part
from headrace_components.library.data.examples import ExamplesReader
from headrace_components.library.data.sequence_examples import decode_sequences

_COMPONENT = "statistics_gen"


def compute(
    task: Task,
    args: Sequence[str],
    reader: ExamplesReader,
    names: Sequence[str],
    options: StatsOptions,
    batch_size: int,
    *,
    is_sequence: bool = False,
) -> Mapping[str, statistics_pb2.DatasetFeatureStatisticsList]:
    """Returns the statistics of each split, those of all rows before those of slices.

    Args:
        task: Has the examples and the output.
        args: `beam_pipeline_args`.
        reader: The examples, opened.
        names: Splits to read.
        options: The statistics to compute. `sample_rate` draws single rows: the same in every run,
            but not the same as in the embedded engine.
        batch_size: The maximum number of rows in a batch.
        is_sequence: Whether the records are tf.SequenceExamples.

    Raises:
        InputError: As in the embedded engine, or a feature to slice by does not exist.
    """

    def build(running: job.Job) -> Any:
        location = running.location(task.input("examples"))
        read = _ReadSequences if is_sequence else ReadRecordBatches
        batches = {
            name: running.pipeline
            | f"Read[{name}]" >> read(reader, name, location, batch_size=batch_size)
            for name in names
        }
        found = running.gather(batches | "Statistics" >> ComputeStatistics(options))
        return lambda: by_part(found()[0], names)

    computed: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList] = job.run(
        _COMPONENT, args, task.output("statistics"), build
    )
    return computed


class _ReadSequences(ReadRecords):
    """Reads a split of tf.SequenceExamples as record batches."""

    def expand(self, pipeline: beam.Pipeline) -> Any:
        return super().expand(pipeline) | "Decode" >> beam.Map(decode_sequences)
