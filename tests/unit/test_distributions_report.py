"""The report on distributions: the moved features, their order, and a limited size."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from headrace_components.distribution_validator import comparators
from headrace_components.distribution_validator.comparison import Statistics, compare
from headrace_components.distribution_validator.report import (
    distributions_report,
    no_baseline_report,
)
from headrace_components.distribution_validator.verdicts import (
    MOVED,
    UNCOMPARED,
    WITHIN,
    Distance,
    FeatureVerdict,
    PairVerdict,
    metric_values,
    pair_verdict,
)
from headrace_components.library.data import statistics
from headrace_components.library.data.split_pairs import SplitPair
from headrace_components.library.reports.page import MAX_BYTES

BYTES = pa.large_list(pa.large_binary())
FLOATS = pa.large_list(pa.float32())
L_INFTY = {"infinity_norm": {"threshold": 0.1}}
JENSEN_SHANNON = {"jensen_shannon_divergence": {"threshold": 0.05}}


def rows(**columns: Sequence[Any]) -> Statistics:
    """Statistics of columns of scalars."""
    arrays = {}
    for name, values in columns.items():
        is_text = isinstance(values[0], bytes)
        arrays[name] = pa.array([[value] for value in values], BYTES if is_text else FLOATS)
    batch = pa.RecordBatch.from_pydict(arrays)
    return statistics.compute([batch], tfdv.StatsOptions())


def verdict(
    test: Statistics, baseline: Statistics, *, split: str = "train", **features: Mapping[str, Any]
) -> PairVerdict:
    wanted = comparators.read(
        {
            "default_slice_config": {
                "feature": [
                    {"path": {"step": [name]}, "distribution_comparator": comparator}
                    for name, comparator in features.items()
                ]
            }
        }
    )
    diff = compare(test, baseline, wanted, None)
    return pair_verdict(SplitPair(test=split, baseline=split), test, baseline, wanted, diff)


def plain(content: bytes) -> str:
    """The page as text."""
    return re.sub(r"(<[^>]+>|\s)+", " ", content.decode().replace("<wbr>", ""))


USUAL = rows(
    payment=[b"cash", b"card"] * 100,
    fare=[float(value % 10) for value in range(200)],
    tip=[1.0] * 200,
)
MOVED_ROWS = rows(
    payment=[b"cash", b"card", b"card", b"card"] * 50,
    fare=[float(value % 10 + 8) for value in range(200)],
    tip=[1.0] * 200,
)


def test_the_worst_feature_comes_first_with_both_sides_drawn() -> None:
    pair = verdict(MOVED_ROWS, USUAL, payment=L_INFTY, fare=JENSEN_SHANNON, gone=L_INFTY)

    page = distributions_report([pair])

    assert [(item.name, item.state) for item in pair.features] == [
        ("fare", MOVED),
        ("payment", MOVED),
        ("gone", UNCOMPARED),
    ]
    text = plain(page)
    assert re.search(r"2 of 2 distributions moved Moved: fare \(\d", text)
    assert "payment (2.5 times the threshold)" in text
    assert "Could not be compared: gone." in text
    assert "L-infinity 0.25 , threshold 0.1" in text
    assert "card 75.0 % 50.0 %" in text
    assert "No comparator covers 1 feature: tip." in text
    fare = page.decode().partition("<article")[2].partition("</article>")[0]
    # Both histograms have the axis from 0 to 17.
    assert fare.count("<span>0</span><span>17</span>") == 2
    assert '<th scope="row">Mean</th><td>12.5</td><td>4.5</td>' in fare


def test_data_like_its_baseline_has_no_feature_that_moved() -> None:
    pair = verdict(USUAL, USUAL, payment=L_INFTY, fare=JENSEN_SHANNON)

    text = plain(distributions_report([pair]))

    assert pair.is_blessed
    assert "No distribution has moved All 2 distances are within their thresholds." in text
    assert metric_values([pair]) == {
        "num_features_compared": 2,
        "num_features_over_threshold": 0,
        "num_features_not_compared": 0,
        "largest_distance": pytest.approx(0, abs=1e-9),
    }


def test_of_several_pairs_each_has_a_section_and_the_verdict_names_them() -> None:
    pairs = [
        verdict(USUAL, USUAL, payment=L_INFTY),
        verdict(MOVED_ROWS, USUAL, split="eval", payment=L_INFTY),
    ]

    text = plain(distributions_report(pairs))

    assert "1 of 2 distributions moved Moved: payment in eval_eval (2.5 times" in text
    assert "Features, the worst first: train_train" in text
    assert "train_train 200 200 1 0 0 agrees" in text
    assert "eval_eval 200 200 0 1 0 differs" in text
    assert metric_values(pairs)["largest_distance"] == pytest.approx(0.25)


def test_a_value_that_the_baseline_lacks_has_a_share_of_0_and_is_shown_if_it_moved_most() -> None:
    many = [f"v{index}".encode() for index in range(20) for _ in range(20 - index)]
    pair = verdict(rows(code=[*many, *[b"new"] * 9]), rows(code=many), code=L_INFTY)

    text = plain(distributions_report([pair]))

    assert pair.features[0].state == WITHIN
    assert re.search(r" new 4\.1 % 0 % ", text)


def test_a_threshold_of_0_is_exceeded_infinitely() -> None:
    none = {"infinity_norm": {"threshold": 0.0}}

    text = plain(distributions_report([verdict(MOVED_ROWS, USUAL, payment=none)]))

    assert "payment (threshold 0)" in text
    assert "0.25 0 \N{INFINITY}" in text


def test_reasons_about_the_data_as_a_whole_are_in_the_verdict() -> None:
    reason = anomalies_pb2.AnomalyInfo.Reason(
        type=anomalies_pb2.AnomalyInfo.NO_DATA_IN_SPAN,
        short_description="No rows",
        description="The data under test has no rows.",
    )
    diff = anomalies_pb2.Anomalies()
    diff.dataset_anomaly_info.reason.append(reason)
    pair = pair_verdict(SplitPair(test="a", baseline="b"), USUAL, USUAL, comparators.read({}), diff)

    text = plain(distributions_report([pair]))

    assert "The data does not agree with its baseline The data under test has no rows." in text


def test_without_a_baseline_the_page_says_what_to_expect() -> None:
    text = plain(no_baseline_report(["train", "eval"]))

    assert "The splits train, eval Nothing was compared There is no baseline" in text


def test_the_page_of_a_very_wide_data_set_is_under_2_mb() -> None:
    stats = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.STRING)
    stats.string_stats.common_stats.tot_num_values = 1000
    stats.string_stats.unique = 5000
    for index in range(1000):
        label = f"{index:04d}" + "<" * 200
        stats.string_stats.rank_histogram.buckets.add(label=label, sample_count=1)
    features = [
        FeatureVerdict(
            name=f"{index:05d}" + "_&" * 100,
            state=MOVED,
            distances=(Distance(measure="L-infinity", value=0.5, threshold=0.1),) * 3,
            reasons=("x<" * 1000,),
            test=stats,
            baseline=stats,
        )
        for index in range(3000)
    ]
    pair = PairVerdict(
        name="train_train",
        rows=(1000, 1000),
        features=features,
        uncovered=["<" * 300] * 5000,
        reasons=(),
    )

    page = distributions_report([pair, pair])

    assert 500_000 < len(page) < MAX_BYTES
    assert "2900 more features are not drawn" in page.decode()
