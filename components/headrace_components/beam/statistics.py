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

from headrace_components.data import statistics
from headrace_components.data.statistics import Types
from headrace_components.errors import InputError

Slicer = Mapping[str, Sequence[str | bytes] | None]
"""By feature the values to slice by; None for each that there is."""


class ComputeStatistics(beam.PTransform):
    """Record batches to one serialized `DatasetFeatureStatisticsList`.

    Args:
        options: What to compute. `sample_rate` draws single rows, the same ones in every run, but
            others than the embedded engine.
        component: Name of the component, for error messages.
    """

    def __init__(self, options: StatsOptions, component: str) -> None:
        super().__init__()
        self._options = options
        self._component = component
        # What these choose is chosen before TFDV gets the rows: it would draw whole batches.
        self._of_chosen = copy.copy(options)
        self._of_chosen.sample_rate = None
        self._of_chosen.feature_allowlist = None

    def expand(self, batches: Any) -> Any:
        """Returns the statistics."""
        rows = batches | "Choose" >> beam.FlatMap(_chosen, self._options, self._component)
        types = rows | "Types" >> beam.CombineGlobally(_TypesFn(self._component))
        slicers = _slicers(self._options)
        return (
            rows
            # TFDV starts when all rows are known to suit it: what it raises is not for authors.
            | "Slice"
            >> beam.FlatMap(_sliced, beam.pvalue.AsSingleton(types), slicers, self._component)
            | "Compute" >> stats_impl.GenerateSlicedStatisticsImpl(self._of_chosen)
            | "Serialize" >> beam.Map(lambda found: found.SerializeToString(deterministic=True))
        )


def _chosen(
    batch: pa.RecordBatch, options: StatsOptions, component: str
) -> Iterator[pa.RecordBatch]:
    # Batches come in any order. This seed is the same in every run and differs among batches.
    first_row = repr(batch.slice(0, 1).to_pydict()).encode()
    random = np.random.default_rng([statistics.SAMPLE_SEED, zlib.crc32(first_row)])
    rows = statistics.chosen(batch, options, random, component)
    if rows is not None:
        yield rows


class _TypesFn(beam.CombineFn):
    """Record batches to the types of all features."""

    def __init__(self, component: str) -> None:
        self._component = component

    def create_accumulator(self) -> Types:
        return {}

    def add_input(self, types: Types, batch: pa.RecordBatch) -> Types:
        statistics.check_types(statistics.value_types(batch), types, self._component)
        return types

    def merge_accumulators(self, accumulators: Iterable[Types]) -> Types:
        merged: Types = {}
        for types in accumulators:
            statistics.check_types(types, merged, self._component)
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
    batch: pa.RecordBatch, types: Types, slicers: Sequence[Slicer], component: str
) -> Iterator[tuple[str | None, pa.RecordBatch]]:
    yield constants.DEFAULT_SLICE_KEY if slicers else None, batch
    there = statistics.value_types(batch)
    for features in slicers:
        absent = sorted(set(features) - set(types))
        if absent:
            raise InputError(
                f"{component}: `slicing_config` names {absent}, which no row has. Name features "
                f"of {sorted(types)}."
            )
        # Where no row of the batch has one of several, TFDV would slice by the others alone.
        if set(features) <= set(there):
            yield from _slices(batch, features, component)


def _slices(
    batch: pa.RecordBatch, features: Slicer, component: str
) -> Iterator[tuple[str, pa.RecordBatch]]:
    try:
        yield from slicing_util.get_feature_value_slicer(dict(features))(batch)
    except ValueError as error:
        raise InputError(
            f"{component}: TFDV cannot slice by {sorted(features)}: {str(error).rstrip('.')}. "
            "Name other features or values in `slicing_config`."
        ) from error
