"""Computes statistics with TFDV on Beam."""

import copy
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tensorflow_data_validation import constants
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.statistics.stats_options import StatsOptions
from tensorflow_data_validation.utils import slicing_util
from tensorflow_metadata.proto.v0 import statistics_pb2

from headrace_components.beam import job
from headrace_components.beam.examples import ReadRecordBatches, ReadRecords
from headrace_components.data import statistics
from headrace_components.data.examples import ExamplesReader
from headrace_components.data.sequence_examples import decode_sequences
from headrace_components.data.statistics import Types
from headrace_components.errors import InputError
from headrace_components.task import Task

_COMPONENT = "statistics_gen"

Slicer = Mapping[str, Sequence[str | bytes] | None]
"""By feature the values to slice by; None for each that there is."""


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
        options: What to compute. `sample_rate` draws single rows, the same ones in every run, but
            others than the embedded engine.
        batch_size: The most rows in a batch.
        is_sequence: Whether the records are tf.SequenceExamples.

    Raises:
        InputError: As the embedded engine's, or a feature to slice by is not there.
    """

    def build(running: job.Job) -> Any:
        location = running.location(task.input("examples"))
        read = _ReadSequences if is_sequence else ReadRecordBatches
        gathered = {}
        for name in names:
            computed = (
                running.pipeline
                | f"Read[{name}]" >> read(reader, name, location, _COMPONENT, batch_size=batch_size)
                | f"Statistics[{name}]" >> _Statistics(options)
            )
            gathered[name] = running.gather(computed)
        return lambda: {name: _ordered(read()[0]) for name, read in gathered.items()}

    computed: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList] = job.run(
        _COMPONENT, args, task.output("statistics"), build
    )
    return computed


def _ordered(serialized: bytes) -> statistics_pb2.DatasetFeatureStatisticsList:
    found = statistics_pb2.DatasetFeatureStatisticsList.FromString(serialized)
    ordered = sorted(
        found.datasets, key=lambda data: (data.name != constants.DEFAULT_SLICE_KEY, data.name)
    )
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=ordered)


class _ReadSequences(ReadRecords):
    """Reads a split of tf.SequenceExamples as record batches."""

    def expand(self, pipeline: beam.Pipeline) -> Any:
        return super().expand(pipeline) | "Decode" >> beam.Map(decode_sequences, _COMPONENT)


class _Statistics(beam.PTransform):
    """Record batches to one serialized `DatasetFeatureStatisticsList`."""

    def __init__(self, options: StatsOptions) -> None:
        super().__init__()
        self._options = options
        # What these choose is chosen before TFDV gets the rows: it would draw whole batches.
        self._of_chosen = copy.copy(options)
        self._of_chosen.sample_rate = None
        self._of_chosen.feature_allowlist = None

    def expand(self, batches: Any) -> Any:
        rows = batches | "Choose" >> beam.FlatMap(_chosen, self._options)
        types = rows | "Types" >> beam.CombineGlobally(_TypesFn())
        slicers = _slicers(self._options)
        return (
            rows
            # TFDV starts when all rows are known to suit it: what it raises is not for authors.
            | "Slice" >> beam.FlatMap(_sliced, beam.pvalue.AsSingleton(types), slicers)
            | "Compute" >> stats_impl.GenerateSlicedStatisticsImpl(self._of_chosen)
            | "Serialize" >> beam.Map(lambda found: found.SerializeToString(deterministic=True))
        )


def _chosen(batch: pa.RecordBatch, options: StatsOptions) -> Iterator[pa.RecordBatch]:
    # Batches come in any order. This seed is the same in every run and differs among batches.
    first_row = repr(batch.slice(0, 1).to_pydict()).encode()
    random = np.random.default_rng([statistics.SAMPLE_SEED, zlib.crc32(first_row)])
    rows = statistics.chosen(batch, options, random, _COMPONENT)
    if rows is not None:
        yield rows


class _TypesFn(beam.CombineFn):
    """Record batches to the types of all features."""

    def create_accumulator(self) -> Types:
        return {}

    def add_input(self, types: Types, batch: pa.RecordBatch) -> Types:
        statistics.check_types(statistics.value_types(batch), types, _COMPONENT)
        return types

    def merge_accumulators(self, accumulators: Iterable[Types]) -> Types:
        merged: Types = {}
        for types in accumulators:
            statistics.check_types(types, merged, _COMPONENT)
        return merged

    def extract_output(self, types: Types) -> Types:
        return types


def _slicers(options: StatsOptions) -> list[Slicer]:
    specs = options.slicing_config.slicing_specs if options.slicing_config else ()
    return [
        {
            **dict.fromkeys(spec.feature_keys),
            # As bytes too: TFDV looks for the string itself, which equals no value of examples.
            **{name: [value, value.encode()] for name, value in spec.feature_values.items()},
        }
        for spec in specs
    ]


def _sliced(
    batch: pa.RecordBatch, types: Types, slicers: Sequence[Slicer]
) -> Iterator[tuple[str | None, pa.RecordBatch]]:
    yield constants.DEFAULT_SLICE_KEY if slicers else None, batch
    there = statistics.value_types(batch)
    for features in slicers:
        absent = sorted(set(features) - set(types))
        if absent:
            raise InputError(
                f"{_COMPONENT}: `slicing_config` names {absent}, which no row has. Name features "
                f"of {sorted(types)}."
            )
        # Where no row of the batch has one of several, TFDV would slice by the others alone.
        if set(features) <= set(there):
            yield from _slices(batch, features)


def _slices(batch: pa.RecordBatch, features: Slicer) -> Iterator[tuple[str, pa.RecordBatch]]:
    try:
        yield from slicing_util.get_feature_value_slicer(dict(features))(batch)
    except ValueError as error:
        raise InputError(
            f"{_COMPONENT}: TFDV cannot slice by {sorted(features)}: {str(error).rstrip('.')}. "
            "Name other features or values in `slicing_config`."
        ) from error
