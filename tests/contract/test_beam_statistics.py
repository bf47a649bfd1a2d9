"""Statistics of several parts on Beam: the same steps as for one part, separate results."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.portability import common_urns
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_data_validation.statistics.stats_options import StatsOptions

from headrace_components.library.beam.statistics import ComputeStatistics, by_part
from headrace_components.library.data.statistics import compute
from support.oracles.statistics import differences


def batch(values: Sequence[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"x": pa.array([[value] for value in values])})


def number_of_groups(parts: Sequence[str]) -> int:
    """Returns how often rows are grouped; each grouping ends a step and begins others."""
    pipeline = beam.Pipeline(runner=FnApiRunner())
    rows = {part: pipeline | part >> beam.Create([batch([1])]) for part in parts}
    _ = rows | ComputeStatistics(StatsOptions())
    transforms = pipeline.to_runner_api().components.transforms.values()
    wanted = common_urns.primitives.GROUP_BY_KEY.urn
    keyed = common_urns.composites.COMBINE_PER_KEY.urn
    return sum(each.spec.urn in (wanted, keyed) for each in transforms)


def test_more_parts_take_no_more_steps() -> None:
    assert number_of_groups(["train", "eval", "test"]) == number_of_groups(["train"]) > 3


@pytest.mark.parametrize("rows", [{"a": [], "b": []}, {"a": [batch([1, 2, 4])], "b": []}])
def test_each_part_has_its_own_statistics_also_without_rows(
    rows: Mapping[str, Sequence[pa.RecordBatch]], tmp_path: Path
) -> None:
    file = tmp_path / "found"
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        batches = {part: pipeline | part >> beam.Create(some) for part, some in rows.items()}
        computed = batches | ComputeStatistics(StatsOptions())
        _ = computed | beam.Map(file.write_bytes)

    found = by_part(file.read_bytes(), rows)

    expected = {part: compute(some, StatsOptions()) for part, some in rows.items()}
    assert {part: differences(expected[part], found[part]) for part in rows} == {"a": [], "b": []}
