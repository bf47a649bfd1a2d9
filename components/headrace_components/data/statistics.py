"""Computes TFDV's statistics of a stream of record batches, without Beam.

TFDV's own generators do the work: each batch is added to one accumulator per generator, so memory
holds one batch and the accumulators. What comes out equals what `tfdv.GenerateStatistics` gives on
Beam for the same rows, field by field, but for:

* `mean` and `std_dev`, sums of floats whose last digits depend on the batches (1e-12 relative);
* with `weight_feature`, sums of weights: TFDV adds float32 weights batch by batch (1e-6 relative);
* `median`, quantiles and histograms of numbers, where Beam computes parts and merges them: TFDV
  reads them from a sketch with rank error `epsilon`, whose state depends on how it was merged. One
  stream of rows, as here and in one bundle of Beam, gives the same result for any size of batch.
"""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.statistics.generators import (
    stats_generator,
    top_k_uniques_stats_generator,
)
from tensorflow_data_validation.statistics.stats_options import StatsOptions
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx_bsl.statistics import merge_util

from headrace_components.data.top_values import ExactTopValuesGenerator
from headrace_components.errors import InputError

FILE_NAME = "FeatureStats.pb"

# Rows are drawn from a fixed seed, so that the same input gives the same statistics.
_SAMPLE_SEED = 20130101


def compute(
    batches: Iterable[pa.RecordBatch],
    options: StatsOptions,
    *,
    component: str = "statistics_gen",
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns the statistics of all rows as a list of one data set.

    Args:
        batches: List columns, as tfx_bsl decodes tf.Examples. A batch may lack columns that others
            have: its rows then miss the feature. Larger batches cost less per row; from 20,000 rows
            on there is little left to gain.
        options: What to compute. `sample_rate` draws single rows, the same ones in every run.
        component: Name of the component, for error messages.

    Returns:
        What TFDV gives on Beam; for no rows at all, one data set without features.

    Raises:
        InputError: A feature changes its type between batches, the weight feature is missing
            somewhere, or `options` asks for what only Beam can compute.
    """
    generators = _generators(options, component)
    for generator in generators:
        generator.setup()
    accumulators = [generator.create_accumulator() for generator in generators]
    for batch in _prepared(batches, options, component):
        accumulators = [
            generator.add_input(accumulator, batch)
            for generator, accumulator in zip(generators, accumulators, strict=True)
        ]
    return merge_util.merge_dataset_feature_statistics(
        generator.extract_output(generator.compact(accumulator))
        for generator, accumulator in zip(generators, accumulators, strict=True)
    )


def _generators(
    options: StatsOptions, component: str
) -> Sequence[stats_generator.CombinerStatsGenerator]:
    # TFDV 1.21 has no slicing by SQL any more.
    sliced = ("slicing_config", "experimental_slice_functions", "experimental_slice_sqls")
    beam_only = [name for name in ("label_feature", *sliced) if getattr(options, name, None)]
    if beam_only:
        raise InputError(
            f"{component}: the statistics options set {beam_only}, which TFDV computes on Beam "
            "only. Leave them out, or call tfdv.GenerateStatistics in a component of your own."
        )
    generators = []
    for generator in stats_impl.get_generators(options):
        if isinstance(generator, top_k_uniques_stats_generator.TopKUniquesStatsGenerator):
            generators.append(ExactTopValuesGenerator(options))
        elif isinstance(generator, stats_generator.CombinerStatsGenerator):
            generators.append(generator)
        else:
            raise InputError(
                f"{component}: the statistics generator {generator.name!r} needs Beam, expected a "
                "tfdv.CombinerStatsGenerator. Leave it out of the statistics options."
            )
    return generators


def _prepared(
    batches: Iterable[pa.RecordBatch], options: StatsOptions, component: str
) -> Iterator[pa.RecordBatch]:
    random = np.random.default_rng(_SAMPLE_SEED)
    rate = 1.0 if options.sample_rate is None else options.sample_rate
    types: dict[str, pa.DataType] = {}
    for batch in batches:
        rows = batch
        if rate < 1.0:
            rows = rows.filter(pa.array(random.random(rows.num_rows) < rate))
        if rows.num_rows == 0:
            continue
        if options.feature_allowlist:
            rows = _allowed(rows, options.feature_allowlist, component)
        _check_types(rows, types, component)
        if options.weight_feature:
            _check_weight(rows, options.weight_feature, component)
        yield rows


def _allowed(batch: pa.RecordBatch, allowed: Sequence[str], component: str) -> pa.RecordBatch:
    there = batch.schema.names
    names = [name for name in allowed if name in there]
    if not names:
        raise InputError(
            f"{component}: `feature_allowlist` is {list(allowed)}, none of which is among the "
            f"features {there}. Name features that the examples have."
        )
    return pa.RecordBatch.from_arrays([batch.column(there.index(name)) for name in names], names)


def _check_types(batch: pa.RecordBatch, seen: dict[str, pa.DataType], component: str) -> None:
    """Compares the type of each column with that of earlier batches, which `seen` collects."""
    for field in batch.schema:
        inner = _value_type(field.type)
        if pa.types.is_null(inner):
            continue  # no row of this batch has a value
        if seen.setdefault(field.name, inner) != inner:
            raise InputError(
                f"{component}: feature {field.name!r} holds {inner} in some rows and "
                f"{seen[field.name]} in others. Give it one type where the examples are made."
            )


def _value_type(column: pa.DataType) -> pa.DataType:
    while pa.types.is_list(column) or pa.types.is_large_list(column):
        column = column.value_type
    return column


def _check_weight(batch: pa.RecordBatch, name: str, component: str) -> None:
    index = batch.schema.get_field_index(name)
    if index >= 0:
        column = batch.column(index)
        inner = _value_type(column.type)
        is_number = pa.types.is_integer(inner) or pa.types.is_floating(inner)
        if is_number and bool(np.all(np.asarray(column.value_lengths().fill_null(0)) == 1)):
            return
    raise InputError(
        f"{component}: `weight_feature` is {name!r}, which is not one number in every row. Name a "
        "numeric feature without missing values, or fill it where the examples are made."
    )


_TINY = 1e-6

# What a pipeline may set by name, with the type and the range of each. Fields of StatsOptions that
# hold functions, need Beam, or have no effect on decoded examples are left out.
_OPTIONS: Mapping[str, tuple[type, float, float]] = {
    "num_top_values": (int, 0, math.inf),
    "num_rank_histogram_buckets": (int, 0, math.inf),
    "num_values_histogram_buckets": (int, 2, math.inf),
    "num_histogram_buckets": (int, 1, math.inf),
    "num_quantiles_histogram_buckets": (int, 1, math.inf),
    "desired_batch_size": (int, 1, math.inf),
    "frequency_threshold": (int, 0, math.inf),
    "weighted_frequency_threshold": (float, 0, math.inf),
    "epsilon": (float, _TINY, 1),
    "sample_rate": (float, _TINY, 1),
    "semantic_domain_stats_sample_rate": (float, _TINY, 1),
    "enable_semantic_domain_stats": (bool, 0, 1),
    "use_sketch_based_topk_uniques": (bool, 0, 1),
    "add_default_generators": (bool, 0, 1),
    "weight_feature": (str, 0, 0),
    "feature_allowlist": (list, 0, 0),
    "vocab_paths": (dict, 0, 0),
}


def options_from(
    values: Mapping[str, Any],
    schema: schema_pb2.Schema | None = None,
    *,
    component: str = "statistics_gen",
) -> StatsOptions:
    """Returns TFDV's options, from their fields by name.

    Args:
        values: Fields of `tfdv.StatsOptions`, as JSON has them: 50 may come as 50.0.
        schema: Types and domains to use instead of inferred ones.
        component: Name of the component, for error messages.

    Raises:
        InputError: A name is unknown or a value is not of its field's type or range.
    """
    fields = {name: _option(name, value, component) for name, value in values.items()}
    _check_categories(schema, bool(fields.get("use_sketch_based_topk_uniques")), component)
    return StatsOptions(schema=schema, **fields)


def _option(name: str, value: Any, component: str) -> Any:
    if name not in _OPTIONS:
        near = difflib.get_close_matches(name, _OPTIONS, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Use one of {sorted(_OPTIONS)}."
        raise InputError(
            f"{component}: `stats_options` has {name!r}, which is no field of tfdv.StatsOptions "
            f"that a pipeline can set. {hint}"
        )
    kind, least, most = _OPTIONS[name]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    converted: Any = value
    if is_number and (kind is float or (kind is int and float(value).is_integer())):
        converted = kind(value)
    is_kind = type(converted) is kind
    if not is_kind or (kind in (int, float) and not least <= converted <= most):
        names = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
        wanted = names.get(kind, "a list" if kind is list else "an object")
        bounds = f" from {least:g} to {most:g}" if kind in (int, float) else ""
        raise InputError(
            f"{component}: `stats_options` sets {name!r} to {value!r}, expected {wanted}{bounds}. "
            "See the fields of tfdv.StatsOptions."
        )
    return converted


def _check_categories(schema: schema_pb2.Schema | None, sketch: bool, component: str) -> None:
    for feature in (schema or schema_pb2.Schema()).feature:
        if feature.float_domain.is_categorical and not sketch:
            raise InputError(
                f"{component}: the schema calls the FLOAT feature {feature.name!r} categorical; "
                "TFDV counts its values by a sketch only. Set `use_sketch_based_topk_uniques` to "
                "true in `stats_options`, or make it a FLOAT that is not categorical."
            )


def read(directory: Path, component: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Returns the statistics that `FeatureStats.pb` under `directory` holds.

    Raises:
        InputError: There is no such file, or it holds no statistics.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        found = sorted(entry.name for entry in directory.parent.glob("*"))
        raise InputError(
            f"{component}: {path} is missing; {directory.parent} holds {found}. "
            "Connect the `statistics` of a statistics_gen that finished."
        )
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    try:
        statistics.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise InputError(f"{component}: {_not_statistics(path)}") from error
    if not statistics.datasets:
        raise InputError(f"{component}: {_not_statistics(path)}")
    return statistics


def _not_statistics(path: Path) -> str:
    return (
        f"{path} ({path.stat().st_size} bytes) is not a DatasetFeatureStatisticsList with a data "
        "set. Run statistics_gen again without the cache."
    )


def write(statistics: statistics_pb2.DatasetFeatureStatisticsList, directory: Path) -> None:
    """Writes `FeatureStats.pb` under `directory`, which is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FILE_NAME).write_bytes(statistics.SerializeToString(deterministic=True))
