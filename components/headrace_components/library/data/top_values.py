"""Exact counts of the values of categorical features, without Beam.

TFDV counts exactly only on Beam. In memory it uses a pair of sketches, which are inexact above
1,024 (most frequent) and 16,384 (distinct) values per feature. This generator gives the same result
as the one on Beam (`top_k_uniques_stats_generator.py` in TFDV), from record batches. It keeps one
entry per distinct value and feature in memory, like Beam on one machine.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from tensorflow_data_validation import types
from tensorflow_data_validation.arrow import arrow_util
from tensorflow_data_validation.statistics.generators import stats_generator
from tensorflow_data_validation.statistics.stats_options import StatsOptions
from tensorflow_data_validation.utils import schema_util, stats_util, top_k_uniques_stats_util
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx_bsl.arrow import array_util

_STRING = statistics_pb2.FeatureNameStatistics.STRING
_INT = statistics_pb2.FeatureNameStatistics.INT


class _Counts:
    """The number and the total weight of each value of one feature."""

    __slots__ = ("rows", "weights")

    def __init__(self) -> None:
        self.rows: Counter[Any] = Counter()
        self.weights: dict[Any, float] = {}


TopCounts = dict[types.FeaturePath, _Counts]


class ExactTopValuesGenerator(stats_generator.CombinerStatsGenerator):  # type: ignore[misc]
    """Most frequent values, rank histogram and number of distinct values per feature."""

    def __init__(self, options: StatsOptions) -> None:
        super().__init__("ExactTopValuesGenerator", options.schema)
        schema = options.schema or schema_pb2.Schema()
        self._options = options
        self._bytes_features = frozenset(schema_util.get_bytes_features(schema))
        self._categorical = schema_util.get_categorical_numeric_feature_types(schema)

    def create_accumulator(self) -> TopCounts:
        """Returns an empty accumulator."""
        return {}

    def add_input(self, accumulator: TopCounts, input_record_batch: pa.RecordBatch) -> TopCounts:
        """Counts the values of a batch of list columns."""
        for path, column, weights in arrow_util.enumerate_arrays(
            input_record_batch,
            example_weight_map=self._options.example_weight_map,
            enumerate_leaves_only=True,
        ):
            if not self._is_counted(path, column.type):
                continue
            values, rows = array_util.flatten_nested(column, weights is not None)
            if len(values) == 0:
                continue
            counts = accumulator.setdefault(path, _Counts())
            _add_rows(counts, values)
            if weights is not None:
                _add_weights(counts, values, weights[rows])
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[TopCounts]) -> TopCounts:
        """Adds up the counts of several accumulators."""
        merged: TopCounts = {}
        for accumulator in accumulators:
            for path, counts in accumulator.items():
                total = merged.setdefault(path, _Counts())
                total.rows.update(counts.rows)
                for value, weight in counts.weights.items():
                    total.weights[value] = total.weights.get(value, 0.0) + weight
        return merged

    def extract_output(self, accumulator: TopCounts) -> statistics_pb2.DatasetFeatureStatistics:
        """Returns `string_stats` with the counts, for each feature that had a value."""
        result = statistics_pb2.DatasetFeatureStatistics()
        for path, counts in accumulator.items():
            feature = result.features.add(path=path.to_proto())
            feature.MergeFrom(self._ranked(path, counts.rows, is_weighted=False))
            if counts.weights:
                feature.MergeFrom(self._ranked(path, counts.weights, is_weighted=True))
            feature.string_stats.unique = len(counts.rows)
        return result

    def _is_counted(self, path: types.FeaturePath, column_type: pa.DataType) -> bool:
        if path in self._bytes_features:
            return False
        feature_type = stats_util.get_feature_type_from_arrow_type(path, column_type)
        is_category = top_k_uniques_stats_util.output_categorical_numeric(
            self._categorical, path, feature_type
        )
        return bool(feature_type == _STRING or (feature_type == _INT and is_category))

    def _ranked(
        self, path: types.FeaturePath, counts: dict[Any, Any], *, is_weighted: bool
    ) -> statistics_pb2.FeatureNameStatistics:
        options = self._options
        kept = max(options.num_top_values, options.num_rank_histogram_buckets)
        # If values are equally frequent, TFDV ranks the larger value first.
        largest = heapq.nlargest(kept, counts.items(), key=lambda item: (item[1], item[0]))
        dataset = top_k_uniques_stats_util.make_dataset_feature_stats_proto_topk_single(
            feature_path_tuple=path.steps(),
            value_count_list=[
                top_k_uniques_stats_util.FeatureValueCount(*item) for item in largest
            ],
            is_weighted_stats=is_weighted,
            num_top_values=options.num_top_values,
            frequency_threshold=options.weighted_frequency_threshold
            if is_weighted
            else options.frequency_threshold,
            num_rank_histogram_buckets=options.num_rank_histogram_buckets,
        )
        ranked = dataset.features[0]
        ranked.ClearField("path")  # a merge would repeat its steps
        return ranked


def _add_rows(counts: _Counts, values: pa.Array) -> None:
    grouped = values.value_counts()
    rows = counts.rows
    distinct = grouped.field("values").to_pylist()
    for value, count in zip(distinct, grouped.field("counts").to_pylist(), strict=True):
        rows[value] += count


def _add_weights(counts: _Counts, values: pa.Array, weights: Any) -> None:
    table = pa.table({"value": values, "weight": pa.array(weights, pa.float64())})
    grouped = table.group_by("value").aggregate([("weight", "sum")])
    totals = counts.weights
    distinct = grouped["value"].to_pylist()
    for value, weight in zip(distinct, grouped["weight_sum"].to_pylist(), strict=True):
        totals[value] = totals.get(value, 0.0) + weight
