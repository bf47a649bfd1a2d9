"""Computes statistics with TFDV, on workers."""

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

from headrace_components.contract.errors import InputError
from headrace_components.library.data import statistics
from headrace_components.library.data.statistics import Types

Slicer = Mapping[str, Sequence[str | bytes] | None]
"""By feature, the values to slice by; None for all values."""


# The separator between the names of a part and of a slice in TFDV's input.
_OF_SLICE = "\n"


class ComputeStatistics(beam.PTransform):
    """Computes one serialized `DatasetFeatureStatisticsList` from the record batches of all parts.

    `by_part` separates the results. The parts go through the same steps, because a runner has to
    start each step, and Flink needs memory for each step, even with few rows.

    Args:
        options: The statistics to compute. `sample_rate` draws single rows: the same in every run,
            but not the same as in the embedded engine.
    """

    def __init__(self, options: StatsOptions) -> None:
        super().__init__()
        self._options = options
        # These options select rows before TFDV reads them, because TFDV would select whole batches.
        self._of_chosen = copy.copy(options)
        self._of_chosen.sample_rate = None
        self._of_chosen.feature_allowlist = None

    def expand(self, batches: Any) -> Any:
        """Returns the statistics of collections, which are given by the names of their parts."""
        chosen = tuple(
            found | f"Choose[{part}]" >> beam.FlatMap(_chosen, part, self._options)
            for part, found in batches.items()
        )
        rows = chosen | "AllParts" >> beam.Flatten()
        # Beam's own default adds a step, which waits for the rows and starts new workers.
        found = rows | "Types" >> beam.CombineGlobally(_TypesFn()).without_defaults()
        types = beam.pvalue.AsSingleton(found, {})
        slicers = _slicers(self._options)
        return (
            rows
            # TFDV starts when all rows are known to be valid, because its own errors do not help
            # authors.
            | "Slice" >> beam.FlatMap(_sliced, types, slicers)
            | "Compute"
            >> stats_impl.GenerateSlicedStatisticsImpl(self._of_chosen, is_slicing_enabled=True)
            | "Serialize" >> beam.Map(lambda found: found.SerializeToString(deterministic=True))
        )


def by_part(
    serialized: bytes, parts: Iterable[str]
) -> dict[str, statistics_pb2.DatasetFeatureStatisticsList]:
    """Returns the statistics of each part, from the result of `ComputeStatistics`.

    The data set of all rows comes before those of slices. A part without rows has one data set
    without features.
    """
    result = {part: statistics_pb2.DatasetFeatureStatisticsList() for part in parts}
    found = statistics_pb2.DatasetFeatureStatisticsList.FromString(serialized)
    for dataset in sorted(found.datasets, key=_place):
        part, is_of_part, dataset.name = dataset.name.partition(_OF_SLICE)
        if is_of_part:  # the entry for an empty input has no name
            result[part].datasets.append(dataset)
    for of_part in result.values():
        if not of_part.datasets:
            of_part.datasets.add()
    return result


def _place(dataset: statistics_pb2.DatasetFeatureStatistics) -> tuple[bool, str]:
    name = dataset.name.partition(_OF_SLICE)[2]
    return name != constants.DEFAULT_SLICE_KEY, name


def _chosen(
    batch: pa.RecordBatch, part: str, options: StatsOptions
) -> Iterator[tuple[str, pa.RecordBatch]]:
    # Batches come in any order. This seed is the same in every run and differs among batches.
    first_row = repr(batch.slice(0, 1).to_pydict()).encode()
    random = np.random.default_rng([statistics.SAMPLE_SEED, zlib.crc32(first_row)])
    rows = statistics.chosen(batch, options, random)
    if rows is not None:
        yield part, rows


class _TypesFn(beam.CombineFn):
    """Combines the record batches of parts to the types of each part's features."""

    def create_accumulator(self) -> dict[str, Types]:
        return {}

    def add_input(
        self, types: dict[str, Types], rows: tuple[str, pa.RecordBatch]
    ) -> dict[str, Types]:
        part, batch = rows
        found = statistics.value_types(batch)
        statistics.check_types(found, types.setdefault(part, {}))
        return types

    def merge_accumulators(self, accumulators: Iterable[dict[str, Types]]) -> dict[str, Types]:
        merged: dict[str, Types] = {}
        for accumulator in accumulators:
            for part, types in accumulator.items():
                statistics.check_types(types, merged.setdefault(part, {}))
        return merged

    def extract_output(self, types: dict[str, Types]) -> dict[str, Types]:
        return types


def _slicers(options: StatsOptions) -> list[Slicer]:
    specs = options.slicing_config.slicing_specs if options.slicing_config else ()
    return [
        {
            **dict.fromkeys(spec.feature_keys),
            # Also as bytes: TFDV looks for the string itself, which never equals a value of
            # examples.
            **{name: [value, value.encode()] for name, value in spec.feature_values.items()},
        }
        for spec in specs
    ]


def _sliced(
    rows: tuple[str, pa.RecordBatch],
    types: Mapping[str, Types],
    slicers: Sequence[Slicer],
) -> Iterator[tuple[str, pa.RecordBatch]]:
    part, batch = rows
    yield f"{part}{_OF_SLICE}{constants.DEFAULT_SLICE_KEY if slicers else ''}", batch
    there = statistics.value_types(batch)
    for features in slicers:
        absent = sorted(set(features) - set(types[part]))
        if absent:
            raise InputError(
                f"`slicing_config` names {absent}, which no row has. Name features "
                f"of {sorted(types[part])}."
            )
        # If a feature is missing in the whole batch, TFDV would slice only by the others.
        if set(features) <= set(there):
            for key, found in _slices(batch, features):
                yield f"{part}{_OF_SLICE}{key}", found


def _slices(batch: pa.RecordBatch, features: Slicer) -> Iterator[tuple[str, pa.RecordBatch]]:
    try:
        yield from slicing_util.get_feature_value_slicer(dict(features))(batch)
    except ValueError as error:
        raise InputError(
            f"TFDV cannot slice by {sorted(features)}: {str(error).rstrip('.')}. "
            "Name other features or values in `slicing_config`."
        ) from error
