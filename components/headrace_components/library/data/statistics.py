"""Computes TFDV's statistics of a stream of record batches, without Beam.

TFDV's own generators do the work: each batch is added to one accumulator per generator, so memory
only needs one batch and the accumulators. The result is the same as that of
`tfdv.GenerateStatistics` on Beam for the same rows, field by field, except:

* `mean` and `std_dev`, sums of floats whose last digits depend on the batches (1e-12 relative);
* with `weight_feature`, sums of weights: TFDV adds float32 weights batch by batch (1e-6 relative);
* `median`, quantiles and histograms of numbers, for which Beam merges the results of parts. TFDV
reads them from a sketch with rank error `epsilon`, whose state depends on the merges. One stream of
rows, as here and in one bundle of Beam, gives the same result for any size of batch.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.statistics.generators import (
    stats_generator,
    top_k_uniques_stats_generator,
)
from tensorflow_data_validation.statistics.stats_options import StatsOptions
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl.statistics import merge_util

from headrace_components.contract.errors import InputError
from headrace_components.library.data.top_values import ExactTopValuesGenerator

FILE_NAME = "FeatureStats.pb"

# Rows are drawn from a fixed seed, so that the same input gives the same statistics.
SAMPLE_SEED = 20130101

Types = dict[str, pa.DataType]
"""The type of each feature's values, without the lists around them."""


def compute(
    batches: Iterable[pa.RecordBatch],
    options: StatsOptions,
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns the statistics of all rows as a list of one data set.

    Args:
        batches: List columns, as tfx_bsl decodes tf.Examples. If a batch lacks a column of other
            batches, its rows miss the feature. Larger batches cost less per row; above 20,000 rows
            there is little difference.
        options: The statistics to compute. `sample_rate` draws single rows, the same in every run.

    Returns:
        The same as TFDV on Beam; without any rows, one data set without features.

    Raises:
        InputError: A feature changes its type between batches, a row lacks the weight feature, or
            `options` asks for something that only Beam can compute.
    """
    generators = _generators(options)
    for generator in generators:
        generator.setup()
    accumulators = [generator.create_accumulator() for generator in generators]
    for batch in _prepared(batches, options):
        accumulators = [
            generator.add_input(accumulator, batch)
            for generator, accumulator in zip(generators, accumulators, strict=True)
        ]
    return merge_util.merge_dataset_feature_statistics(
        generator.extract_output(generator.compact(accumulator))
        for generator, accumulator in zip(generators, accumulators, strict=True)
    )


def _generators(options: StatsOptions) -> Sequence[stats_generator.CombinerStatsGenerator]:
    # TFDV 1.21 no longer has slicing by SQL.
    sliced = ("slicing_config", "experimental_slice_functions", "experimental_slice_sqls")
    beam_only = [name for name in ("label_feature", *sliced) if getattr(options, name, None)]
    if beam_only:
        raise InputError(
            f"the statistics options set {beam_only}, which TFDV computes on Beam "
            "only. Pass `beam_pipeline_args` to a statistics_gen, for example "
            "['--runner=DirectRunner'], or leave them out."
        )
    generators = []
    for generator in stats_impl.get_generators(options):
        if isinstance(generator, top_k_uniques_stats_generator.TopKUniquesStatsGenerator):
            generators.append(ExactTopValuesGenerator(options))
        elif isinstance(generator, stats_generator.CombinerStatsGenerator):
            generators.append(generator)
        else:
            raise InputError(
                f"the statistics generator {generator.name!r} needs Beam, expected a "
                "tfdv.CombinerStatsGenerator. Leave it out of the statistics options."
            )
    return generators


def _prepared(batches: Iterable[pa.RecordBatch], options: StatsOptions) -> Iterator[pa.RecordBatch]:
    random = np.random.default_rng(SAMPLE_SEED)
    types: Types = {}
    for batch in batches:
        rows = chosen(batch, options, random)
        if rows is not None:
            check_types(value_types(rows), types)
            yield rows


def chosen(
    batch: pa.RecordBatch, options: StatsOptions, random: np.random.Generator
) -> pa.RecordBatch | None:
    """Returns the rows and features of a batch that are used for statistics.

    Args:
        batch: List columns.
        options: `sample_rate` and `feature_allowlist` select them.
        random: Draws the rows, one number each.

    Returns:
        None without any row.

    Raises:
        InputError: No feature is left, or the weight feature is not one number in every row.
    """
    rows = batch
    if options.sample_rate is not None and options.sample_rate < 1.0:
        rows = rows.filter(pa.array(random.random(rows.num_rows) < options.sample_rate))
    if rows.num_rows == 0:
        return None
    if options.feature_allowlist:
        rows = _allowed(rows, options.feature_allowlist)
    if options.weight_feature:
        _check_weight(rows, options.weight_feature)
    return rows


def _allowed(batch: pa.RecordBatch, allowed: Sequence[str]) -> pa.RecordBatch:
    there = batch.schema.names
    names = [name for name in allowed if name in there]
    if not names:
        raise InputError(
            f"`feature_allowlist` is {list(allowed)}, none of which is among the "
            f"features {there}. Name features that the examples have."
        )
    return pa.RecordBatch.from_arrays([batch.column(there.index(name)) for name in names], names)


def value_types(batch: pa.RecordBatch) -> Types:
    """Returns the value types of the features that have values in the batch.

    The name of a feature in a struct is `<struct>.<feature>`.
    """
    types = {}
    for field in batch.schema:
        inner = _value_type(field.type)
        if pa.types.is_struct(inner):
            types.update({f"{field.name}.{part.name}": _value_type(part.type) for part in inner})
        else:
            types[field.name] = inner
    return {name: inner for name, inner in types.items() if not pa.types.is_null(inner)}


def check_types(types: Types, seen: Types) -> None:
    """Compares the types in some rows with those in others, which `seen` collects.

    Raises:
        InputError: The types of a feature differ.
    """
    for name, inner in types.items():
        if seen.setdefault(name, inner) != inner:
            # Sorted, because rows have no order on Beam.
            first, second = sorted((str(inner), str(seen[name])))
            raise InputError(
                f"feature {name!r} holds {first} in some rows and {second} in others. "
                "Give it one type where the examples are made."
            )


def _value_type(column: pa.DataType) -> pa.DataType:
    while pa.types.is_list(column) or pa.types.is_large_list(column):
        column = column.value_type
    return column


def _check_weight(batch: pa.RecordBatch, name: str) -> None:
    index = batch.schema.get_field_index(name)
    if index >= 0:
        column = batch.column(index)
        inner = _value_type(column.type)
        is_number = pa.types.is_integer(inner) or pa.types.is_floating(inner)
        if is_number and bool(np.all(np.asarray(column.value_lengths().fill_null(0)) == 1)):
            return
    raise InputError(
        f"`weight_feature` is {name!r}, which is not one number in every row. Name a "
        "numeric feature without missing values, or fill it where the examples are made."
    )


def read(directory: Path) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns the statistics in `FeatureStats.pb` under `directory`.

    Raises:
        InputError: The file does not exist, or does not contain statistics.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        found = sorted(entry.name for entry in directory.parent.glob("*"))
        raise InputError(
            f"{path} is missing; {directory.parent} holds {found}. "
            "Connect the `statistics` of a statistics_gen that finished."
        )
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    try:
        statistics.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise InputError(f"{_not_statistics(path)}") from error
    if not statistics.datasets:
        raise InputError(f"{_not_statistics(path)}")
    return statistics


def _not_statistics(path: Path) -> str:
    return (
        f"{path} ({path.stat().st_size} bytes) is not a DatasetFeatureStatisticsList with a data "
        "set. Run statistics_gen again without the cache."
    )


def write(statistics: statistics_pb2.DatasetFeatureStatisticsList, directory: Path) -> None:
    """Writes `FeatureStats.pb` under `directory`, which is created if necessary."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FILE_NAME).write_bytes(statistics.SerializeToString(deterministic=True))
