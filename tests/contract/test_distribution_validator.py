"""Contract of distribution_validator: its inputs, its files, and what it refuses."""

import importlib.util
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from headrace_components.contract import reasons
from headrace_components.library.data import statistics
from support.launcher.entry_points import Launcher, Outcome, Rules, Stored, TaskFailedError

JENSEN_SHANNON = {"jensen_shannon_divergence": {"threshold": 0.05}}
L_INFTY = {"infinity_norm": {"threshold": 0.1}}


def rows(fares: Sequence[float], payments: Sequence[str]) -> pa.RecordBatch:
    columns = {
        "fare": pa.array([[fare] for fare in fares], pa.large_list(pa.float32())),
        "payment": pa.array(
            [[payment.encode()] for payment in payments], pa.large_list(pa.large_binary())
        ),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


FARES = np.random.default_rng(0).normal(10, 1, 1000).astype(np.float32).tolist()
USUAL = rows(FARES, ["cash", "card"] * 500)
DEARER = rows([fare + 1 for fare in FARES], ["cash", "card"] * 500)
FEWER_CASH = rows(FARES, ["cash", "card", "card", "card"] * 250)
PAYMENTS = pa.RecordBatch.from_arrays([USUAL.column(1)], ["payment"])


def compute(batch: pa.RecordBatch) -> statistics_pb2.DatasetFeatureStatisticsList:
    return statistics.compute([batch], tfdv.StatsOptions())


def with_tip(tips: Sequence[bytes | None]) -> pa.RecordBatch:
    column = pa.array([tip and [tip] for tip in tips], pa.large_list(pa.large_binary()))
    return pa.RecordBatch.from_arrays([*USUAL.columns, column], ["fare", "payment", "tip.paid"])


TIPPED = with_tip([b"yes", b"no"] * 500)
UNTIPPED = with_tip([None] * 1000)


def store(launcher: Launcher, scratch: Path, **splits: pa.RecordBatch) -> Stored:
    for name, batch in splits.items():
        statistics.write(compute(batch), scratch / f"Split-{name}")
    metadata = {"span": 3, "split_names": json.dumps(list(splits))}
    return launcher.store(scratch, metadata)


def config(
    num_examples: Mapping[str, float] | None = None, **features: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns a config with a comparator per feature."""
    inner: dict[str, Any] = {
        "feature": [
            {"path": {"step": [name]}, "distribution_comparator": comparator}
            for name, comparator in features.items()
        ]
    }
    if num_examples:
        inner["num_examples_comparator"] = dict(num_examples)
    return {"default_slice_config": inner}


BOTH = config(fare=JENSEN_SHANNON, payment=L_INFTY)


def validate(
    launcher: Launcher, test: Stored, baseline: Stored | None, **parameters: Any
) -> Outcome:
    return launcher.run(
        "distribution_validator",
        parameters,
        statistics=test,
        baseline_statistics=[baseline] if baseline else [],
    )


def compare(
    launcher: Launcher, scratch: Path, test: pa.RecordBatch, base: pa.RecordBatch, **parameters: Any
) -> Outcome:
    """Compares the split `train` of two artifacts."""
    return validate(
        launcher,
        store(launcher, scratch / "test", train=test),
        store(launcher, scratch / "base", train=base),
        **parameters,
    )


def read(outcome: Outcome, pair: str = "train_train") -> anomalies_pb2.Anomalies:
    path = outcome["anomalies"].path / f"SplitPair-{pair}" / "SchemaDiff.pb"
    return anomalies_pb2.Anomalies.FromString(path.read_bytes())


def blessed(outcome: Outcome) -> Any:
    return json.loads(outcome["anomalies"].metadata["blessed"])


def only_reason(info: anomalies_pb2.AnomalyInfo) -> anomalies_pb2.AnomalyInfo.Reason:
    (reason,) = info.reason
    assert (info.short_description, info.description) == (
        reason.short_description,
        reason.description,
    )
    return reason


def test_numbers_that_moved_are_an_anomaly_with_the_distance_of_tfdv(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = compare(launcher, tmp_path, DEARER, USUAL, config=BOTH)

    schema = tfdv.infer_schema(compute(USUAL))
    fare = tfdv.get_feature(schema, "fare")
    fare.drift_comparator.jensen_shannon_divergence.threshold = 0.05
    payment = tfdv.get_feature(schema, "payment")
    payment.drift_comparator.infinity_norm.threshold = 0.1
    expected = tfdv.validate_statistics(compute(DEARER), schema, previous_statistics=compute(USUAL))
    found = read(outcome)
    assert found.drift_skew_info == expected.drift_skew_info
    assert list(found.anomaly_info) == ["fare"]
    assert found.anomaly_info["fare"] == expected.anomaly_info["fare"]
    assert blessed(outcome) == {"train_train": 0}
    assert outcome["anomalies"].metadata["split_names"] == '["train_train"]'
    assert outcome["anomalies"].metadata["span"] == 3
    distance = next(each for each in found.drift_skew_info if list(each.path.step) == ["fare"])
    value = distance.drift_measurements[0].value
    assert reasons.from_metadata(outcome["anomalies"].metadata) == (
        f"train_train, fare: moved, Jensen-Shannon divergence {value:.3g} is above 0.05",
    )


def test_data_like_its_baseline_is_blessed_and_its_distances_are_kept(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = compare(launcher, tmp_path, USUAL, USUAL, config=BOTH)

    found = read(outcome)
    assert blessed(outcome) == {"train_train": 1}
    assert "reasons" not in outcome["anomalies"].metadata
    assert not found.anomaly_info
    assert not found.HasField("dataset_anomaly_info")
    distances = {info.path.step[0]: info.drift_measurements[0] for info in found.drift_skew_info}
    assert distances["fare"].value == pytest.approx(0, abs=1e-9)
    assert distances["payment"].threshold == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("comparator", "kind"),
    [
        ({"infinity_norm": {"threshold": 0.1}}, "COMPARATOR_L_INFTY_HIGH"),
        (
            {"jensen_shannon_divergence": {"threshold": 0.01}},
            "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
        ),
        (
            {"normalized_abs_difference": {"threshold": 0.1}},
            "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH",
        ),
    ],
)
def test_strings_are_compared_by_each_of_the_three_distances(
    comparator: Mapping[str, Any], kind: str, launcher: Launcher, tmp_path: Path
) -> None:
    outcome = compare(launcher, tmp_path, FEWER_CASH, USUAL, config=config(payment=comparator))

    reason = only_reason(read(outcome).anomaly_info["payment"])
    assert anomalies_pb2.AnomalyInfo.Type.Name(reason.type) == kind
    assert blessed(outcome) == {"train_train": 0}


def test_names_of_the_config_may_be_in_camel_case(launcher: Launcher, tmp_path: Path) -> None:
    comparator = {"infinityNorm": {"threshold": 0.1}}
    entry = {"path": {"step": ["payment"]}, "distributionComparator": comparator}

    outcome = compare(
        launcher, tmp_path, FEWER_CASH, USUAL, config={"defaultSliceConfig": {"feature": [entry]}}
    )

    assert blessed(outcome) == {"train_train": 0}


def test_a_new_value_within_the_threshold_is_no_anomaly(launcher: Launcher, tmp_path: Path) -> None:
    vouchers = rows(FARES, ["cash", "card"] * 490 + ["voucher"] * 20)

    outcome = compare(launcher, tmp_path, vouchers, USUAL, config=config(payment=L_INFTY))

    assert blessed(outcome) == {"train_train": 1}


def test_too_few_rows_are_an_anomaly_of_the_data_set(launcher: Launcher, tmp_path: Path) -> None:
    halved = USUAL.slice(0, 400)

    outcome = compare(
        launcher,
        tmp_path,
        halved,
        USUAL,
        config=config(num_examples={"min_fraction_threshold": 0.5}),
    )

    reason = only_reason(read(outcome).dataset_anomaly_info)
    assert reason.type == anomalies_pb2.AnomalyInfo.COMPARATOR_LOW_NUM_EXAMPLES
    assert blessed(outcome) == {"train_train": 0}


@pytest.mark.parametrize(
    ("test", "base", "features", "why"),
    [
        (USUAL, USUAL, {"tip": L_INFTY}, "the data under test has no such feature"),
        (PAYMENTS, USUAL, {"fare": JENSEN_SHANNON}, "the data under test has no"),
        (USUAL, PAYMENTS, {"fare": JENSEN_SHANNON}, "the baseline has no such"),
        (UNTIPPED, TIPPED, {"tip.paid": L_INFTY}, "the data under test has no value of it"),
        (USUAL, USUAL, {"fare": L_INFTY}, "it is a number in the data under test"),
    ],
)
def test_what_cannot_be_compared_is_not_blessed(
    test: pa.RecordBatch,
    base: pa.RecordBatch,
    features: Mapping[str, Any],
    why: str,
    launcher: Launcher,
    tmp_path: Path,
) -> None:
    outcome = compare(launcher, tmp_path, test, base, config=config(**features))

    (info,) = read(outcome).anomaly_info.values()
    reason = only_reason(info)
    assert reason.type == anomalies_pb2.AnomalyInfo.STATS_NOT_AVAILABLE
    assert list(info.path.step) == list(features)
    assert why in reason.description
    assert blessed(outcome) == {"train_train": 0}


def test_numbers_without_histograms_are_not_blessed(launcher: Launcher, tmp_path: Path) -> None:
    without = compute(USUAL)
    for feature in without.datasets[0].features:
        if feature.HasField("num_stats"):
            feature.num_stats.ClearField("histograms")
    statistics.write(without, tmp_path / "test" / "Split-train")
    test = launcher.store(tmp_path / "test", {"split_names": '["train"]'})
    baseline = store(launcher, tmp_path / "base", train=USUAL)

    outcome = validate(launcher, test, baseline, config=config(fare=JENSEN_SHANNON))

    assert "no histograms" in only_reason(read(outcome).anomaly_info["fare"]).description
    assert blessed(outcome) == {"train_train": 0}


def test_no_rows_under_test_are_an_anomaly_even_without_a_bound(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = compare(
        launcher,
        tmp_path,
        USUAL.slice(0, 0),
        USUAL,
        config=config(num_examples={"max_fraction_threshold": 2.0}),
    )

    reason = only_reason(read(outcome).dataset_anomaly_info)
    assert reason.type == anomalies_pb2.AnomalyInfo.NO_DATA_IN_SPAN
    assert blessed(outcome) == {"train_train": 0}


def test_a_baseline_without_rows_bounds_nothing_and_blesses_nothing(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = compare(
        launcher,
        tmp_path,
        USUAL,
        USUAL.slice(0, 0),
        config=config(num_examples={"min_fraction_threshold": 0.5}),
    )

    assert "the baseline has no rows" in read(outcome).dataset_anomaly_info.description
    assert blessed(outcome) == {"train_train": 0}


@pytest.mark.parametrize("kind", ["unconnected", "empty"])
def test_without_a_baseline_each_split_is_marked_as_not_compared(
    kind: str, launcher: Launcher, tmp_path: Path
) -> None:
    test = store(launcher, tmp_path / "test", train=USUAL, eval=DEARER)
    (tmp_path / "none").mkdir()
    baseline = launcher.store(tmp_path / "none") if kind == "empty" else None

    outcome = validate(launcher, test, baseline, config=BOTH, fail_on_anomalies=True)

    assert "Nothing was compared" in outcome["report"].path.read_text("utf-8")
    assert blessed(outcome) == {"train": 2, "eval": 2}
    assert outcome["anomalies"].metadata["split_names"] == "[]"
    assert not list(outcome["anomalies"].path.glob("SplitPair-*"))


def test_splits_of_one_name_are_compared_unless_pairs_are_named(
    launcher: Launcher, tmp_path: Path
) -> None:
    test = store(launcher, tmp_path / "test", train=USUAL, eval=DEARER)
    baseline = store(launcher, tmp_path / "base", train=USUAL, eval=USUAL)

    alike = validate(launcher, test, baseline, config=BOTH)
    crossed = validate(
        launcher, test, baseline, config=BOTH, include_split_pairs=[["eval", "train"]]
    )

    assert blessed(alike) == {"train_train": 1, "eval_eval": 0}
    assert blessed(crossed) == {"eval_train": 0}
    assert list(read(crossed, "eval_train").anomaly_info) == ["fare"]


@pytest.mark.skipif(
    importlib.util.find_spec(
        "tensorflow_data_validation.anomalies.proto.custom_validation_config_pb2"
    )
    is None,
    reason="TFDV 1.21 has no conditions in SQL any more",
)
def test_a_condition_in_sql_is_checked_against_the_baseline(
    launcher: Launcher, tmp_path: Path
) -> None:
    condition = {
        "sql_expression": "feature_test.num_stats.mean < feature_base.num_stats.mean + 0.5",
        "severity": "ERROR",
        "description": "The mean fare rose",
    }
    path = {"step": ["fare"]}
    pair = {"feature_test_path": path, "feature_base_path": path, "validations": [condition]}
    custom = {"feature_pair_validations": [pair]}

    outcome = compare(launcher, tmp_path, DEARER, USUAL, custom_validation_config=custom)

    assert only_reason(read(outcome).anomaly_info["fare"]).short_description == "The mean fare rose"
    assert blessed(outcome) == {"train_train": 0}

    condition["sql_expression"] = "feature_test.no_such_field < 3"
    message = "a condition of `custom_validation_config` does not run: .*no_such_field"
    with pytest.raises(TaskFailedError, match=f"distribution_validator: {message}"):
        compare(launcher, tmp_path, DEARER, USUAL, custom_validation_config=custom)


def test_anomalies_are_logged_and_fail_the_task_where_that_is_wanted(
    launcher: Launcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    message = r"differs from its baseline in 1 place: split 'train_train', fare: High approximate"
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(TaskFailedError, match=f"distribution_validator: the data {message}"),
    ):
        compare(launcher, tmp_path, DEARER, USUAL, config=BOTH, fail_on_anomalies=True)

    assert "\ntrain_train  fare     High approximate Jensen-Shannon divergence" in caplog.text


def test_what_was_found_is_kept_when_it_fails_the_task(tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "launcher", rules="vertex")

    with pytest.raises(TaskFailedError, match="What it found is kept: `anomalies` at ") as error:
        compare(launcher, tmp_path, DEARER, USUAL, config=BOTH, fail_on_anomalies=True)

    for uri in re.findall(r"gs://(\S+?)[,.](?:\s|$)", str(error.value)):
        assert (tmp_path / "launcher/store" / uri).exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "both `config` and `custom_validation_config` are empty"),
        (
            {"default_slice": {}},
            r"config has the field 'default_slice', which DistributionValidatorConfig lacks; it "
            r"has \['default_slice_config'\]. Did you mean 'default_slice_config'\?",
        ),
        ({"default_slice_config": []}, r"config.default_slice_config is \[\], expected an object"),
        ({"default_slice_config": {"feature": {}}}, r"feature is \{\}, expected a list"),
        (config(fare={}), "distribution_comparator of 'fare' is empty, expected one of"),
        (
            config(fare={"jensen_shannon": {}}),
            r"has the field 'jensen_shannon', which FeatureComparator lacks; .* Did you mean "
            r"'jensen_shannon_divergence'\?",
        ),
        (
            config(fare={"infinity_norm": {}}),
            "distribution_comparator.infinity_norm is None, expected a distance from 0 to 1",
        ),
        (
            config(fare={"infinity_norm": {"threshold": 5}}),
            r"distribution_comparator.infinity_norm is 5\.0, expected a distance from 0 to 1",
        ),
        (
            {"default_slice_config": {"feature": [{"distribution_comparator": L_INFTY}]}},
            r"feature\[0\] names no feature",
        ),
        (
            {"default_slice_config": {"num_examples_comparator": {}}},
            "num_examples_comparator has no threshold",
        ),
        (
            {"default_slice_config": {"feature": BOTH["default_slice_config"]["feature"][:1] * 2}},
            "feature names 'fare' twice",
        ),
    ],
)
def test_a_config_that_compares_nothing_is_refused(
    values: Mapping[str, Any], message: str, launcher: Launcher, tmp_path: Path
) -> None:
    with pytest.raises(TaskFailedError, match=f"distribution_validator: .*{message}"):
        compare(launcher, tmp_path, USUAL, USUAL, config=values)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([["train"]], r"`include_split_pairs` has \['train'\], expected two split names"),
        (
            [["train", "evil"]],
            r"`include_split_pairs` has \['train', 'evil'\], but `statistics` has the splits "
            r"\['train'\] and `baseline_statistics` \['train'\]",
        ),
    ],
)
def test_pairs_must_name_splits_that_there_are(
    pairs: Sequence[Sequence[str]], message: str, launcher: Launcher, tmp_path: Path
) -> None:
    with pytest.raises(TaskFailedError, match=f"distribution_validator: {message}"):
        compare(launcher, tmp_path, USUAL, USUAL, config=BOTH, include_split_pairs=pairs)


def test_artifacts_without_a_split_of_one_name_need_pairs(
    launcher: Launcher, tmp_path: Path
) -> None:
    test = store(launcher, tmp_path / "test", serving=USUAL)
    baseline = store(launcher, tmp_path / "base", train=USUAL)

    with pytest.raises(TaskFailedError, match=r"\['train'\], none of one name. Name the pairs"):
        validate(launcher, test, baseline, config=BOTH)


def test_two_pairs_that_would_share_a_directory_are_refused(
    launcher: Launcher, tmp_path: Path
) -> None:
    test = store(launcher, tmp_path / "test", a=USUAL, a_b=USUAL)
    baseline = store(launcher, tmp_path / "base", b_c=USUAL, c=USUAL)

    with pytest.raises(TaskFailedError, match=r"would both be called 'a_b_c'"):
        validate(
            launcher,
            test,
            baseline,
            config=BOTH,
            include_split_pairs=[["a", "b_c"], ["a_b", "c"]],
        )


@pytest.mark.parametrize("rules", ["kfp-2.17", "kfp-next", "vertex"])
def test_the_report_and_the_metrics_tell_what_has_moved(rules: Rules, tmp_path: Path) -> None:
    launcher = Launcher(root=tmp_path / "launcher", rules=rules)

    outcome = compare(launcher, tmp_path, DEARER, USUAL, config=BOTH)

    assert outcome["report"].path.is_file()
    text = outcome["report"].path.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "<strong>1 of 2 distributions moved</strong>" in text
    assert text.index("<h3>fare</h3>") < text.index("<h3>payment</h3>")
    metrics = outcome["metrics"].metadata
    assert metrics["num_features_compared"] == 2
    assert metrics["num_features_over_threshold"] == 1
    assert 0.05 < metrics["largest_distance"] < 1


def smallest_task(launcher: Launcher, tmp_path: Path) -> Outcome:
    outcome = compare(launcher, tmp_path, DEARER, USUAL, config=BOTH)

    assert blessed(outcome) == {"train_train": 0}
    assert list(read(outcome).anomaly_info) == ["fare"]
    return outcome
